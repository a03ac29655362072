; Definitions of Elixir, which are calls of macros.
(call target: (identifier) @call (arguments . (alias) @name) (do_block) @body (#eq? @call "defmodule")) @module
(call target: (identifier) @call (arguments . (alias) @name) (do_block) @body (#eq? @call "defprotocol")) @protocol
(call target: (identifier) @call (arguments . (alias) @name (keywords) @name) (do_block) @body (#eq? @call "defimpl")) @impl
(call target: (identifier) @call (arguments . [
    (identifier) @name
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name))
    (binary_operator left: (identifier) @name)]) (do_block)? @body
  (#any-of? @call "def" "defp" "defdelegate")) @def
(call target: (identifier) @call (arguments . [
    (call target: (identifier) @name)
    (binary_operator left: (call target: (identifier) @name))]) (do_block)? @body
  (#any-of? @call "defmacro" "defmacrop" "defguard" "defguardp")) @macro
(call target: (identifier) @call (arguments . (string (quoted_content) @name)) (do_block) @body
  (#any-of? @call "describe" "test")) @test
(comment) @lead
((unary_operator operand: (call target: (identifier) @where)) @lead
  (#any-of? @where "doc" "spec" "impl" "tag" "deprecated"))
