-- A small inventory.
local M = {}

local SHELF_MAX <const> = 64
M.version = "1.0"

--- A part and how many there are.
local Part = {}
Part.__index = Part

function Part.new(name, count)
  return setmetatable({ name = name, count = count or 1 }, Part)
end

function Part:label()
  return ("%s x %d {"):format(self.name, self.count)
end

local function add(total, part)
  return total + part.count
end

M.count = function(parts)
  local total = 0
  for _, part in ipairs(parts) do
    total = add(total, part)
  end
  while total > SHELF_MAX do
    total = total // 2
  end
  return total
end

function count(...)
  if select("#", ...) == 0 then
    goto done
  end
  print([[ end ]], ...)
  ::done::
end

return M
