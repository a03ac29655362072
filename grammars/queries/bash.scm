; Functions and variables of a shell script.
(function_definition name: (_) @name body: (_) @body) @function
(program (variable_assignment name: (variable_name) @name) @var)
(program (declaration_command (variable_assignment name: (variable_name) @name)) @var)
(comment) @lead
