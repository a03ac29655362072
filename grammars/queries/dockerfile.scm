; Stages of a Dockerfile. A stage runs to the next.
(from_instruction as: (_) @name) @stage
(from_instruction (image_spec) @name) @stage
(arg_instruction (arg_pair name: (_) @name)) @arg
(comment) @lead
