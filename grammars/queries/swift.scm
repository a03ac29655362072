; Declarations of Swift.
(class_declaration declaration_kind: "class" name: (_) @name body: (_) @body) @class
(class_declaration declaration_kind: "actor" name: (_) @name body: (_) @body) @actor
(class_declaration declaration_kind: "struct" name: (_) @name body: (_) @body) @struct
(class_declaration declaration_kind: "enum" name: (_) @name body: (_) @body) @enum
(class_declaration declaration_kind: "extension" name: (_) @name body: (_) @body) @extension
(enum_entry . name: (_) @name) @variant
(protocol_declaration name: (_) @name body: (_) @body) @protocol
(protocol_function_declaration . "func"? name: (simple_identifier) @name) @func
(protocol_property_declaration name: (_) @name) @property
(function_declaration name: (simple_identifier) @name body: (_) @body) @func
(init_declaration "init" @name body: (_) @body) @init
(deinit_declaration "deinit" @name body: (_) @body) @deinit
(subscript_declaration "subscript" @name) @subscript
(typealias_declaration . name: (type_identifier) @name) @typealias
(source_file (property_declaration name: (_) @name) @property)
(class_body (property_declaration name: (_) @name computed_value: (_)? @body) @property)
[(comment) (multiline_comment)] @lead
