; Declarations of C#.
(namespace_declaration name: (_) @name body: (_) @body) @namespace
(class_declaration name: (_) @name body: (_)? @body) @class
(struct_declaration name: (_) @name body: (_)? @body) @struct
(interface_declaration name: (_) @name body: (_)? @body) @interface
(enum_declaration name: (_) @name body: (_) @body) @enum
(enum_member_declaration name: (_) @name) @variant
(record_declaration name: (_) @name body: (_)? @body) @record
(delegate_declaration name: (_) @name) @delegate
(method_declaration name: (_) @name body: (_)? @body) @method
(constructor_declaration name: (_) @name body: (_) @body) @constructor
(destructor_declaration name: (_) @name body: (_) @body) @destructor
(property_declaration name: (_) @name accessors: (_)? @body) @property
(indexer_declaration "this" @name accessors: (_)? @body) @property
(operator_declaration operator: _ @name body: (_) @body) @operator
(event_declaration name: (_) @name) @event
(event_field_declaration (variable_declaration (variable_declarator name: (_) @name))) @event
(field_declaration (variable_declaration (variable_declarator name: (_) @name))) @field
(comment) @lead
