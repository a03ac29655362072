-- Lets a test act as the person at a real Neovim: a line that comes in over the
-- socket is a string of JSON with Lua in it, and what that returns goes back.

local pipe = vim.loop.new_pipe(false)
local waiting = ""

-- What the test asks for again and again.
it = { notified = {}, choice = nil, progress = {} }

vim.notify = function(message)
  table.insert(it.notified, message)
end

-- A menu is answered with the first entry that begins as the test wants it.
vim.ui.select = function(items, options, choose)
  for _, item in ipairs(items) do
    if vim.startswith(options.format_item(item), it.choice) then
      return choose(item)
    end
  end
  error("nothing begins with " .. it.choice)
end

local function progressed(message)
  table.insert(it.progress, message.message or message.title or message.content or "")
end

-- Neovims since 0.10 have an event of its own for it.
if vim.fn.exists("##LspProgress") == 1 then
  vim.api.nvim_create_autocmd("LspProgress", {
    callback = function(event)
      progressed(event.data.params.value)
    end,
  })
else
  vim.api.nvim_create_autocmd("User", {
    pattern = "LspProgressUpdate",
    callback = function()
      for _, message in ipairs(vim.lsp.util.get_progress_messages()) do
        progressed(message)
      end
    end,
  })
end

-- Types: keys as a person presses them, in the mode that they lead to.
function it.type(keys)
  vim.api.nvim_feedkeys(vim.api.nvim_replace_termcodes(keys, true, true, true), "xt", false)
  return vim.NIL
end

function it.text()
  return table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, false), "\n") .. "\n"
end

-- Says nothing and hears nothing for a while, as an editor that is busy.
function it.block(milliseconds)
  vim.loop.sleep(milliseconds)
end

-- Returns what can be done about a line.
function it.offers(line)
  vim.api.nvim_win_set_cursor(0, { line, 0 })
  local params = vim.lsp.util.make_range_params()
  params.context = { diagnostics = {} }
  local answers = vim.lsp.buf_request_sync(0, "textDocument/codeAction", params, 5000)
  return vim.tbl_map(function(action)
    return action.title
  end, answers[1].result)
end

-- Returns what is told of a line.
function it.hover(line)
  vim.api.nvim_win_set_cursor(0, { line, 0 })
  local params = vim.lsp.util.make_position_params()
  local answers = vim.lsp.buf_request_sync(0, "textDocument/hover", params, 5000)
  return answers[1].result.contents.value
end

local function answer(line)
  local chunk, problem = loadstring(vim.json.decode(line))
  local ok, value = false, problem
  if chunk then
    ok, value = pcall(chunk)
  end
  if value == nil then
    value = vim.NIL
  end
  if not ok then
    value = tostring(value)
  end
  pipe:write(vim.json.encode({ ok = ok, value = value }) .. "\n")
end

pipe:connect(vim.env.ANCHORD_IT_SOCKET, function(problem)
  assert(not problem, problem)
  pipe:read_start(function(_, chunk)
    if not chunk then
      vim.schedule(function()
        vim.cmd("qall!")
      end)
      return
    end
    waiting = waiting .. chunk
    while waiting:find("\n", 1, true) do
      local line, rest = waiting:match("^([^\n]*)\n(.*)$")
      waiting = rest
      vim.schedule(function()
        answer(line)
      end)
    end
  end)
end)
