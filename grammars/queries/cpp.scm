; Declarations of C++.
(function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body) @function
(function_definition declarator: (_ (function_declarator declarator: (_) @name)) body: (_)? @body) @function
(function_definition declarator: (_ (_ (function_declarator declarator: (_) @name))) body: (_)? @body) @function
(function_definition declarator: (operator_cast) @name body: (_) @body) @function
(template_declaration (function_definition declarator: (function_declarator declarator: (_) @name) body: (_)? @body)) @function
(template_declaration (function_definition declarator: (_ (function_declarator declarator: (_) @name)) body: (_)? @body)) @function
(template_declaration (class_specifier name: (_) @name body: (_) @body)) @class
(template_declaration (struct_specifier name: (_) @name body: (_) @body)) @struct
(class_specifier name: (_) @name body: (_) @body) @class
(struct_specifier name: (_) @name body: (_) @body) @struct
(union_specifier name: (_) @name body: (_) @body) @union
(enum_specifier name: (_) @name body: (_) @body) @enum
(namespace_definition name: (_) @name body: (_) @body) @namespace
(concept_definition name: (_) @name) @concept
(alias_declaration name: (_) @name) @using
(type_definition declarator: (type_identifier) @name) @typedef
(preproc_def name: (_) @name) @macro
(preproc_function_def name: (_) @name) @macro
(translation_unit (declaration declarator: (function_declarator declarator: (_) @name)) @declaration)
(declaration_list (declaration declarator: (function_declarator declarator: (_) @name)) @declaration)
(field_declaration declarator: (function_declarator declarator: (_) @name)) @declaration
(translation_unit (declaration declarator: (init_declarator declarator: (_) @name)) @var)
(declaration_list (declaration declarator: (init_declarator declarator: (_) @name)) @var)
(field_declaration declarator: (field_identifier) @name) @field
(comment) @lead
