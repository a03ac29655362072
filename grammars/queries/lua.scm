; Functions and variables of Lua.
(function_declaration name: (_) @name body: (_)? @body) @function
(chunk (variable_declaration (assignment_statement (variable_list . name: (_) @name .) (expression_list . value: (function_definition body: (_) @body)))) @function)
(chunk (assignment_statement (variable_list . name: (_) @name .) (expression_list . value: (function_definition body: (_) @body))) @function)
(chunk (variable_declaration (assignment_statement (variable_list . name: (_) @name .))) @var)
(chunk (assignment_statement (variable_list . name: (_) @name .)) @var)
(comment) @lead
