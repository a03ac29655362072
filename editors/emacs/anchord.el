;;; anchord.el --- Share files with agents through eglot -*- lexical-binding: t -*-

;; Package-Requires: ((emacs "28.1") (eglot "1.9"))

;;; Commentary:

;; Starts `anchord lsp' for the modes that it is given, and does what only the
;; editor can: the kill ring, and telling of a change at once.

;;; Code:

(require 'eglot)

;; The first name is that of eglot 1.9, the second that of later ones.
(defvar eglot-confirm-server-initiated-edits)
(defvar eglot-confirm-server-edits)

(defgroup anchord nil "Share files with agents." :group 'tools)

(defcustom anchord-command '("anchord" "lsp")
  "How the server is started."
  :type '(repeat string))

(defclass anchord-server (eglot-lsp-server) ()
  :documentation "The server that shares files with agents.")

(defun anchord--in-buffers (server act)
  "Call ACT in every buffer of SERVER."
  (dolist (buffer (eglot--managed-buffers server))
    (eglot--when-live-buffer buffer (funcall act))))

(cl-defmethod eglot-handle-request
  ((server anchord-server) (_method (eql workspace/applyEdit)) &rest _)
  "Make an edit of an agent without asking, and tell SERVER so at once.
The edit is of one version of the buffer, is refused where that has
changed, and is undone alone.  Eglot would tell of it once it is
idle, and the agent waits for that."
  (let ((eglot-confirm-server-initiated-edits nil)
        (eglot-confirm-server-edits nil))
    (anchord--in-buffers server #'undo-boundary)
    (prog1 (cl-call-next-method)
      (anchord--in-buffers server #'undo-boundary)
      (anchord--in-buffers server #'eglot--signal-textDocument/didChange))))

(cl-defmethod eglot-execute-command
  ((_server anchord-server) (_command (eql anchord.copyAnchor)) arguments)
  "Put the anchor in ARGUMENTS into the kill ring."
  (kill-new (elt arguments 0))
  (message "copied %s" (elt arguments 0)))

(defun anchord--managed ()
  "Tell the server of every key at once."
  (when (cl-typep (eglot-current-server) 'anchord-server)
    (setq-local eglot-send-changes-idle-time 0)))

(add-hook 'eglot-managed-mode-hook #'anchord--managed)

;;;###autoload
(defun anchord-share (&rest modes)
  "Share the files of MODES with agents.
Eglot talks to one server for each buffer, so these are modes for
which no other server is wanted."
  (push (cons modes (cons 'anchord-server anchord-command)) eglot-server-programs)
  (dolist (mode modes)
    (add-hook (intern (format "%s-hook" mode)) #'eglot-ensure)))

(provide 'anchord)

;;; anchord.el ends here
