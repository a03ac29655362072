; Definitions of Scala.
(class_definition name: (_) @name body: (_)? @body) @class
(trait_definition name: (_) @name body: (_)? @body) @trait
(object_definition name: (_) @name body: (_)? @body) @object
(package_object name: (_) @name body: (_) @body) @object
(enum_definition name: (_) @name body: (_) @body) @enum
(enum_case_definitions (_ name: (_) @name)) @variant
(function_definition name: (_) @name body: (_) @body) @def
(function_declaration name: (_) @name) @def
(given_definition name: (_) @name body: (_)? @body) @given
(type_definition name: (_) @name) @type
(compilation_unit (val_definition pattern: (identifier) @name) @val)
(compilation_unit (var_definition pattern: (identifier) @name) @var)
(template_body (val_definition pattern: (identifier) @name) @val)
(template_body (var_definition pattern: (identifier) @name) @var)
(template_body (val_declaration name: (_) @name) @val)
[(comment) (block_comment)] @lead
