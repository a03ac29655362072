; Declarations of Haskell. The equations of one function are one definition,
; and so is its signature.
(data_type name: (_) @name) @data
(newtype name: (_) @name) @newtype
(type_synonym name: (_) @name) @type
(class name: (_) @name declarations: (_)? @body) @class
(instance name: (_) @name patterns: (_) @name declarations: (_)? @body) @instance
(declarations (signature name: (variable) @name) @function)
(declarations (function name: (variable) @name) @function)
(declarations (bind name: (variable) @name) @function)
(class_declarations (signature name: (variable) @name) @function)
(class_declarations (function name: (variable) @name) @function)
(instance_declarations (function name: (variable) @name) @function)
(instance_declarations (bind name: (variable) @name) @function)
[(comment) (haddock) (pragma)] @lead
