; Declarations of Kotlin.
(class_declaration "interface" name: (_) @name (class_body)? @body) @interface
(class_declaration name: (_) @name [(class_body) (enum_class_body)]? @body) @class
(object_declaration name: (_) @name (class_body)? @body) @object
(companion_object "object" @name (class_body)? @body) @object
(enum_entry . (identifier) @name (class_body)? @body) @variant
(function_declaration name: (_) @name (function_body)? @body) @fun
(type_alias type: (_) @name) @typealias
(source_file (property_declaration (variable_declaration . (identifier) @name)) @property)
(class_body (property_declaration (variable_declaration . (identifier) @name)) @property)
(class_body (anonymous_initializer "init" @name (block) @body) @initializer)
[(line_comment) (block_comment)] @lead
