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
    capabilities = options.capabilities or vim.lsp.protocol.make_client_capabilities(),
    -- Every key is told at once: an edit by an agent is of one version of the
    -- buffer, and the editor only knows of a version what it has told.
    flags = { debounce_text_changes = 0, allow_incremental_sync = true },
    on_attach = options.on_attach,
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
  if options.lenses then
    vim.api.nvim_create_autocmd({ "BufEnter", "InsertLeave", "TextChanged", "CursorHold" }, {
      buffer = buffer,
      callback = function()
        pcall(vim.lsp.codelens.refresh)
      end,
    })
  end
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
