; Items of Rust. Captures: see src/outline/collect.rs.
(function_item name: (_) @name body: (_) @body) @fn
(function_signature_item name: (_) @name) @fn
(struct_item name: (_) @name body: (_)? @body) @struct
(enum_item name: (_) @name body: (_) @body) @enum
(enum_variant name: (_) @name body: (_)? @body) @variant
(union_item name: (_) @name body: (_) @body) @union
(trait_item name: (_) @name body: (_) @body) @trait
(impl_item !trait type: (_) @name body: (_) @body) @impl
(impl_item trait: (_) @name type: (_) @name body: (_) @body) @impl
(mod_item name: (_) @name body: (_)? @body) @mod
(macro_definition name: (_) @name) @macro
(type_item name: (_) @name) @type
(associated_type name: (_) @name) @type
(source_file (const_item name: (_) @name) @const)
(declaration_list (const_item name: (_) @name) @const)
(source_file (static_item name: (_) @name) @static)
(declaration_list (static_item name: (_) @name) @static)
[(line_comment) (block_comment) (attribute_item)] @lead
