; Definitions of TypeScript and TSX.
(function_declaration name: (_) @name body: (_) @body) @function
(generator_function_declaration name: (_) @name body: (_) @body) @function
(function_signature name: (_) @name) @function
(class_declaration name: (_) @name body: (_) @body) @class
(abstract_class_declaration name: (_) @name body: (_) @body) @class
(interface_declaration name: (_) @name body: (_) @body) @interface
(type_alias_declaration name: (_) @name) @type
(enum_declaration name: (_) @name body: (_) @body) @enum
(internal_module name: (_) @name body: (_) @body) @namespace
(module name: (_) @name body: (_) @body) @module
(method_definition name: (_) @name body: (_) @body) @method
(abstract_method_signature name: (_) @name) @method
(interface_body (method_signature name: (_) @name) @method)
(public_field_definition name: (_) @name) @field
(interface_body (property_signature name: (_) @name) @field)
(export_statement declaration: (function_declaration name: (_) @name body: (_) @body)) @function
(export_statement declaration: (generator_function_declaration name: (_) @name body: (_) @body)) @function
(export_statement declaration: (function_signature name: (_) @name)) @function
(export_statement declaration: (class_declaration name: (_) @name body: (_) @body)) @class
(export_statement declaration: (abstract_class_declaration name: (_) @name body: (_) @body)) @class
(export_statement declaration: (interface_declaration name: (_) @name body: (_) @body)) @interface
(export_statement declaration: (type_alias_declaration name: (_) @name)) @type
(export_statement declaration: (enum_declaration name: (_) @name body: (_) @body)) @enum
(export_statement declaration: (internal_module name: (_) @name body: (_) @body)) @namespace
(ambient_declaration (module name: (_) @name body: (_) @body)) @module
(expression_statement (internal_module name: (_) @name body: (_) @body)) @namespace
(export_statement declaration: (lexical_declaration . (variable_declarator name: (identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .)) @function
(program (lexical_declaration . (variable_declarator name: (identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .) @function)
(export_statement declaration: (lexical_declaration . (variable_declarator name: (identifier) @name) .)) @const
(program (lexical_declaration . (variable_declarator name: (identifier) @name) .) @const)
(program (variable_declaration . (variable_declarator name: (identifier) @name) .) @var)
(variable_declarator value: (object (pair key: (property_identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @method))
(expression_statement (call_expression function: (identifier) @call arguments: (arguments . (string (string_fragment) @name) [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) (#any-of? @call "describe" "suite" "it" "test")) @test
(comment) @lead
(decorator) @lead
