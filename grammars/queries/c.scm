; Declarations of C.
(function_definition declarator: (function_declarator declarator: (_) @name) body: (_) @body) @function
(function_definition declarator: (_ declarator: (function_declarator declarator: (_) @name)) body: (_) @body) @function
(function_definition declarator: (_ declarator: (_ declarator: (function_declarator declarator: (_) @name))) body: (_) @body) @function
(struct_specifier name: (_) @name body: (_) @body) @struct
(union_specifier name: (_) @name body: (_) @body) @union
(enum_specifier name: (_) @name body: (_) @body) @enum
(type_definition declarator: (type_identifier) @name) @typedef
(preproc_def name: (_) @name) @macro
(preproc_function_def name: (_) @name) @macro
(translation_unit (declaration declarator: (function_declarator declarator: (_) @name)) @declaration)
(translation_unit (declaration declarator: (init_declarator declarator: (_) @name)) @var)
(comment) @lead
