# Each line is a public command; the work is done in tools/setup.py and course_utils/classroom/.
# Without make (Windows): py tools\setup.py lab
PYTHON ?= $(shell command -v python3 || command -v python)

.PHONY: lab test test-all site slides models doctor progress update carry bank bench lint
lab:       ; @$(PYTHON) tools/setup.py lab $(LAB_ARGS)
test:      ; @$(PYTHON) tools/setup.py test $(TEST_ARGS)
test-all:  ; @$(PYTHON) tools/setup.py test -m "slow or not slow" $(TEST_ARGS)
site:      ; @$(PYTHON) tools/setup.py site $(or $(OUT),site)
slides:    ; @$(PYTHON) tools/setup.py slides $(or $(OUT),slides)
models:    ; @$(PYTHON) tools/setup.py models
doctor:    ; @$(PYTHON) tools/setup.py doctor
progress:  ; @$(PYTHON) tools/setup.py progress
update:    ; @$(PYTHON) tools/setup.py update
carry:     ; @$(PYTHON) tools/setup.py carry $(LESSON)
bank:      ; @$(PYTHON) tools/setup.py bank
bench:     ; @$(PYTHON) tools/setup.py bench
lint:      ; @.venv/bin/python -m ruff check .
