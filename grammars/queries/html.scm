; Elements of HTML by their id.
(element (start_tag (attribute (attribute_name) @where [(attribute_value) (quoted_attribute_value)] @name)) (#eq? @where "id")) @element
(element (self_closing_tag (attribute (attribute_name) @where [(attribute_value) (quoted_attribute_value)] @name)) (#eq? @where "id")) @element
(script_element (start_tag (attribute (attribute_name) @where [(attribute_value) (quoted_attribute_value)] @name)) (#eq? @where "id")) @element
(style_element (start_tag (attribute (attribute_name) @where [(attribute_value) (quoted_attribute_value)] @name)) (#eq? @where "id")) @element
(comment) @lead
