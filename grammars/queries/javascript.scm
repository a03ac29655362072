; Definitions of JavaScript.
(function_declaration name: (_) @name body: (_) @body) @function
(generator_function_declaration name: (_) @name body: (_) @body) @function
(class_declaration name: (_) @name body: (_) @body) @class
(method_definition name: (_) @name body: (_) @body) @method
(field_definition property: (_) @name) @field
(export_statement declaration: (function_declaration name: (_) @name body: (_) @body)) @function
(export_statement declaration: (generator_function_declaration name: (_) @name body: (_) @body)) @function
(export_statement declaration: (class_declaration name: (_) @name body: (_) @body)) @class
(program (export_statement declaration: (lexical_declaration . (variable_declarator name: (identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .)) @function)
(program (lexical_declaration . (variable_declarator name: (identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) .) @function)
(program (export_statement declaration: (lexical_declaration . (variable_declarator name: (identifier) @name) .)) @const)
(program (lexical_declaration . (variable_declarator name: (identifier) @name) .) @const)
(program (variable_declaration . (variable_declarator name: (identifier) @name) .) @var)
(program (expression_statement (assignment_expression left: (member_expression) @name right: [(arrow_function body: (_) @body) (function_expression body: (_) @body) (class body: (_) @body)])) @function)
(variable_declarator value: (object (pair key: (property_identifier) @name value: [(arrow_function body: (_) @body) (function_expression body: (_) @body)]) @method))
(expression_statement (call_expression function: (identifier) @call arguments: (arguments . (string (string_fragment) @name) [(arrow_function body: (_) @body) (function_expression body: (_) @body)])) (#any-of? @call "describe" "suite" "it" "test")) @test
(comment) @lead
(decorator) @lead
