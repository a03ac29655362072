; Keys of mappings, and members of sequences by what identifies them.
(block_sequence_item (block_node (block_mapping (block_mapping_pair key: (_) @where value: (flow_node) @name))) (#any-of? @where "id")) @record
(block_sequence_item (block_node (block_mapping (block_mapping_pair key: (_) @where value: (flow_node) @name))) (#any-of? @where "name" "key")) @record
(block_mapping_pair key: (_) @name value: (block_node) @body) @key
(block_mapping_pair key: (_) @name) @key
(comment) @lead
