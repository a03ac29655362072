; Tables and keys of TOML. One of an array of tables is known by its name.
(table_array_element . "[[" . (_) @name (pair . (_) @where (string) @id) (#any-of? @where "id" "name")) @table
(table_array_element . "[[" . (_) @name) @table
(table . "[" . (_) @name) @table
(document (pair . (_) @name) @key)
(table (pair . (_) @name) @key)
(table_array_element (pair . (_) @name) @key)
(comment) @lead
