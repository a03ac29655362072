; Keys of objects, and records of arrays by what identifies them. An array's
; members have no name of their own: their places change too easily.
(array (object (pair key: (string (string_content) @where) value: (_) @name)) @record
  (#any-of? @where "id"))
(array (object (pair key: (string (string_content) @where) value: (_) @name)) @record
  (#any-of? @where "name" "key"))
(pair key: (_) @name value: [(object) (array)] @body) @key
(pair key: (_) @name) @key
