; Definitions of Python.
(function_definition name: (_) @name body: (_) @body) @def
(class_definition name: (_) @name body: (_) @body) @class
(decorated_definition (function_definition name: (_) @name body: (_) @body)) @def
(decorated_definition (class_definition name: (_) @name body: (_) @body)) @class
(module (expression_statement (assignment left: (identifier) @name)) @var)
(class_definition body: (block (expression_statement (assignment left: (identifier) @name)) @var))
(comment) @lead
