; Declarations of Go. A method belongs to the type of its receiver.
(function_declaration name: (_) @name body: (_)? @body) @func
(method_declaration
  receiver: (parameter_list (parameter_declaration type: [
    (type_identifier) @owner
    (generic_type type: (_) @owner)
    (pointer_type (type_identifier) @owner)
    (pointer_type (generic_type type: (_) @owner))]))
  name: (_) @name body: (_)? @body) @func
(type_declaration . (type_spec name: (_) @name type: (_) @body) .) @type
(type_declaration . (type_alias name: (_) @name) .) @type
(type_declaration (type_spec name: (_) @name) @type)
(interface_type (method_elem name: (_) @name) @func)
(source_file (const_declaration . (const_spec name: (_) @name) .) @const)
(source_file (const_declaration (const_spec . name: (_) @name) @const))
(source_file (var_declaration . (var_spec name: (_) @name) .) @var)
(source_file (var_declaration (var_spec_list (var_spec . name: (_) @name) @var)))
(comment) @lead
