; Declarations of Zig. A type is a constant that holds one.
(variable_declaration (identifier) @name (struct_declaration) @body) @struct
(variable_declaration (identifier) @name (enum_declaration) @body) @enum
(variable_declaration (identifier) @name (union_declaration) @body) @union
(variable_declaration (identifier) @name (opaque_declaration) @body) @struct
(variable_declaration (identifier) @name (error_set_declaration) @body) @error
(source_file (variable_declaration . "pub"? . ["const" "var"] . (identifier) @name) @const)
(struct_declaration (variable_declaration . "pub"? . ["const" "var"] . (identifier) @name) @const)
(function_declaration name: (_) @name body: (_)? @body) @fn
(test_declaration [(string) (identifier)] @name (block) @body) @test
(comment) @lead
