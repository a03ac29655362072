; Rules of CSS by their selectors, and what groups them.
(rule_set (selectors) @name (block) @body) @rule
(media_statement "@media" . (_) @name (block) @body) @media
(supports_statement "@supports" . (_) @name (block) @body) @supports
(keyframes_statement (keyframes_name) @name (keyframe_block_list) @body) @keyframes
(keyframe_block . (_) @name (block) @body) @rule
(at_rule (at_keyword) @name (block)? @body) @rule
(comment) @lead
