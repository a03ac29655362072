; What the statements of SQL create.
(statement (create_table (object_reference) @name (column_definitions)? @body)) @table
(column_definition name: (_) @name) @column
(statement (create_view (object_reference) @name (create_query)? @body)) @view
(statement (create_materialized_view (object_reference) @name (create_query)? @body)) @view
(statement (create_index column: (_) @name)) @index
(statement (create_function (object_reference) @name (function_body)? @body)) @function
(statement (create_type (object_reference) @name)) @type
(statement (create_trigger . (_)* (object_reference) @name)) @trigger
(statement (create_schema (identifier) @name)) @schema
(statement (create_sequence (object_reference) @name)) @sequence
(comment) @lead
