;;; drive_emacs.el --- The person at a real Emacs, played by a test -*- lexical-binding: t -*-

;; A line that comes in over the socket is a string of JSON with Lisp in it, and
;; what that returns goes back.

(require 'json)

(defvar it-waiting "" "What came in and is no whole line yet.")
(defvar it-busy nil "Whether a command is under way.")
(defvar it-choice nil "How the entry begins that a menu is answered with.")

;; A test answers no questions but those of menus.
(setq completing-read-function
      (lambda (_prompt collection &rest _)
        (let ((offered (all-completions "" collection)))
          (or (seq-find (lambda (title) (string-prefix-p it-choice title)) offered)
              (error "Nothing begins with %s: %S" it-choice offered)))))

(defun it-go (line)
  "Go to the start of LINE."
  (goto-char (point-min))
  (forward-line (1- line)))

(defun it-keys (line keys)
  "Go to the start of LINE and press KEYS."
  (it-go line)
  (execute-kbd-macro keys)
  nil)

(defun it-block (milliseconds)
  "Say nothing and hear nothing for MILLISECONDS, as an editor that is busy."
  (call-process "sleep" nil nil nil (format "%s" (/ milliseconds 1000.0))))

(defun it-choose (line choice)
  "Ask for the actions of LINE and take the first that begins with CHOICE.
A key does it, later: Emacs is not idle then, unlike now."
  (setq it-choice choice)
  (it-go line)
  (setq it-busy t)
  (setq unread-command-events (list 'f5))
  nil)

(global-set-key
 [f5] (lambda ()
        (interactive)
        (unwind-protect
            (call-interactively #'eglot-code-actions)
          (setq it-busy nil))))

(defun it-offers (line)
  "Return what can be done about LINE."
  (it-go line)
  (vconcat (mapcar (lambda (action) (plist-get action :title))
                   (eglot-code-actions (point)))))

(defun it-hover (line)
  "Return what ElDoc is told of LINE."
  (it-go line)
  (let (told)
    (eglot-hover-eldoc-function (lambda (text &rest _) (setq told text)))
    (with-timeout (5)
      (while (not told) (accept-process-output nil 0.05)))
    (substring-no-properties told)))

(defun it-diagnostics ()
  "Return what is shown of the buffer: line and text of each."
  (vconcat
   (mapcar (lambda (found)
             (format "%d %s" (line-number-at-pos (flymake-diagnostic-beg found))
                     (flymake-diagnostic-text found)))
           (flymake-diagnostics))))

(defun it-answer (process line)
  "Evaluate LINE and send the result to PROCESS.
A question to the server within a command that waits for the server
would be cut short by the answer to the command, so it comes later."
  (if it-busy
      (run-at-time 0.01 nil #'it-answer process line)
    (process-send-string
     process
     (concat
      (condition-case problem
          (with-current-buffer (window-buffer)
            (let ((value (eval (read (json-parse-string line)) t)))
              (json-serialize `(:ok t :value ,(or value :null)))))
        (error (json-serialize
                `(:ok :false :value ,(error-message-string problem)))))
      "\n"))))

(defun it-filter (process chunk)
  "Take in CHUNK from PROCESS."
  (setq it-waiting (concat it-waiting chunk))
  (while (string-match "\n" it-waiting)
    (let ((line (substring it-waiting 0 (match-beginning 0))))
      (setq it-waiting (substring it-waiting (match-end 0)))
      ;; Later, since other processes are not heard within a filter.
      (run-at-time 0 nil #'it-answer process line))))

(make-network-process
 :name "it" :family 'local :service (getenv "ANCHORD_IT_SOCKET") :coding 'utf-8-unix
 :filter #'it-filter :noquery t
 :sentinel (lambda (&rest _) (kill-emacs 0)))

;;; drive_emacs.el ends here
