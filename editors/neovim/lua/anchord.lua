-- Starts `anchord lsp` for every file of a project, and does what only the editor
-- can: the clipboard, and lenses that are shown again when a buffer changes.

local M = {}

local defaults = {
  cmd = { "anchord", "lsp" },
  -- Files that mark the root of a project.
  markers = { ".git", ".hg", ".jj", ".svn" },
  -- Whether lenses are shown above what agents changed.
  lenses = true,
}

local function root_of(name, markers)
  local directory = vim.fn.fnamemodify(name, ":p:h")
  for _, marker in ipairs(markers) do
    local found = vim.fn.finddir(marker, directory .. ";")
    if found == "" then
      found = vim.fn.findfile(marker, directory .. ";")
    end
    if found ~= "" then
      return vim.fn.fnamemodify(found, ":p:h" .. (vim.fn.isdirectory(found) == 1 and ":h" or ""))
    end
  end
  return directory
end

-- How often the lenses of a buffer were asked for.
local asked = {}

-- Asks for the lenses of a buffer. Neovim's own refresh drops a question while
-- another one is under way, whose answer may be older than the news, and leaves
-- the last lens standing where there is none any more.
local function refresh(client, buffer)
  if client.is_stopped() or not vim.api.nvim_buf_is_loaded(buffer) then
    return
  end
  local codelens = vim.lsp.codelens
  if not codelens.on_codelens then
    pcall(codelens.refresh, { bufnr = buffer })
    return
  end
  asked[buffer] = (asked[buffer] or 0) + 1
  local number = asked[buffer]
  local params = { textDocument = { uri = vim.uri_from_bufnr(buffer) } }
  client.request("textDocument/codeLens", params, function(problem, lenses, context, ...)
    if number ~= asked[buffer] or not vim.api.nvim_buf_is_loaded(buffer) then
      return
    end
    if codelens.clear then
      codelens.clear(client.id, buffer)
    elseif codelens.__namespaces then
      vim.api.nvim_buf_clear_namespace(buffer, codelens.__namespaces[client.id], 0, -1)
    end
    codelens.on_codelens(problem, lenses, context, ...)
  end, buffer)
end

-- Shows lenses from now on.
local function show_lenses(client, buffer)
  local group = vim.api.nvim_create_augroup("anchord_lenses_" .. buffer, { clear = true })
  vim.api.nvim_create_autocmd({ "BufEnter", "InsertLeave", "TextChanged", "CursorHold" }, {
    group = group,
    buffer = buffer,
    callback = function()
      refresh(client, buffer)
    end,
  })
  refresh(client, buffer)
end

-- The server says when there is something new; not every Neovim listens.
local function refresh_all(_, _, context)
  local client = vim.lsp.get_client_by_id(context.client_id)
  for buffer in pairs(client and client.attached_buffers or {}) do
    refresh(client, buffer)
  end
  return vim.NIL
end

-- The number of the last change of a buffer since the server was told of all of it.
local changed = {}

-- Notes the changes of a buffer.
function M.follow(buffer)
  changed[buffer] = nil
  vim.api.nvim_buf_attach(buffer, false, {
    on_lines = function(_, _, number)
      changed[buffer] = number
    end,
    on_reload = function()
      changed[buffer] = nil
    end,
    on_detach = function()
      changed[buffer] = nil
    end,
  })
end

-- Makes an edit of an agent, if it is of the buffer as it is now. Neovim throws a
-- late one away and says that it made it, and makes every edit of a buffer that
-- was of its first version when the edit was thought of, whatever was typed since.
M.handlers = {}
M.handlers["workspace/applyEdit"] = function(problem, params, context, config)
  for _, change in ipairs(params.edit.documentChanges or {}) do
    local document = change.textDocument
    local number = document and changed[vim.uri_to_bufnr(document.uri)]
    if number and document.version ~= vim.NIL and document.version ~= number then
      return { applied = false, failureReason = "the buffer has changed" }
    end
  end
  return vim.lsp.handlers["workspace/applyEdit"](problem, params, context, config)
end

-- Adds to capabilities that late edits are refused here: without the handler and
-- `follow` they would overwrite what was typed, and the server asks for none.
function M.capabilities(given)
  local capabilities = given or vim.lsp.protocol.make_client_capabilities()
  capabilities.experimental = vim.tbl_extend("force", capabilities.experimental or {}, {
    anchord = { guarded = true },
  })
  return capabilities
end

local function capabilities_of(options)
  local capabilities = M.capabilities(options.capabilities)
  if options.lenses then
    capabilities.workspace = capabilities.workspace or {}
    capabilities.workspace.codeLens = { refreshSupport = true }
  end
  return capabilities
end

-- One server for each root.
local clients = {}

local function client_of(root, options)
  local known = clients[root]
  if known and not vim.lsp.client_is_stopped(known) then
    return known
  end
  clients[root] = vim.lsp.start_client({
    name = "anchord",
    cmd = options.cmd,
    root_dir = root,
    cmd_cwd = root,
    capabilities = capabilities_of(options),
    handlers = {
      ["workspace/applyEdit"] = M.handlers["workspace/applyEdit"],
      ["workspace/codeLens/refresh"] = options.lenses and refresh_all or nil,
    },
    -- Every key is told at once: an edit by an agent is of one version of the
    -- buffer, and the editor only knows of a version what it has told.
    flags = { debounce_text_changes = 0, allow_incremental_sync = true },
    -- Only now does the server answer: a question that comes before it is never
    -- answered, and Neovim asks no second time while it waits for the first.
    on_attach = function(client, buffer)
      M.follow(buffer)
      if options.lenses then
        show_lenses(client, buffer)
      end
      if options.on_attach then
        options.on_attach(client, buffer)
      end
    end,
  })
  return clients[root]
end

function M.attach(buffer, options)
  local name = vim.api.nvim_buf_get_name(buffer)
  if name == "" or vim.bo[buffer].buftype ~= "" then
    return
  end
  local client = client_of(root_of(name, options.markers), options)
  if not client then
    return
  end
  vim.lsp.buf_attach_client(buffer, client)
end

function M.setup(given)
  local options = vim.tbl_extend("force", defaults, given or {})
  vim.lsp.commands["anchord.copyAnchor"] = function(command)
    local anchor = command.arguments[1]
    vim.fn.setreg('"', anchor)
    pcall(vim.fn.setreg, "+", anchor)
    vim.notify("copied " .. anchor)
  end
  local group = vim.api.nvim_create_augroup("anchord", { clear = true })
  vim.api.nvim_create_autocmd({ "BufReadPost", "BufNewFile" }, {
    group = group,
    callback = function(event)
      M.attach(event.buf, options)
    end,
  })
  for _, buffer in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(buffer) then
      M.attach(buffer, options)
    end
  end
end

return M
