; Definitions of Ruby.
(module name: (_) @name body: (_)? @body) @module
(class name: (_) @name body: (_)? @body) @class
(singleton_class value: (_) @name body: (_)? @body) @class
(method name: (_) @name body: (_)? @body) @def
(singleton_method object: (_) @name name: (_) @name body: (_)? @body) @def
(program (assignment left: (constant) @name) @const)
(body_statement (assignment left: (constant) @name) @const)
(call method: (identifier) @call arguments: (argument_list . (_) @name) block: (_ body: (_) @body) (#any-of? @call "describe" "context" "it" "namespace" "task")) @test
(comment) @lead
