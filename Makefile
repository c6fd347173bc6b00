# Two promises: `make run` serves http://localhost:8888/, or another port with PORT=8889, and `make test` checks all that needs no Sage.
# Each does its own set-up on a fresh machine that has Python 3.11+, Node 20+ and make.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
CLIENT := sagecell_tx/http/client/index.html
STATE ?= var
PORT ?= 8888

# The virtual environment of Jupyter's clients for Python, which the tests run beside the server.
JUPYTER := .venv-jupyter

# The in-memory tests: they fork nothing and open no port, so that they may run in parallel.
MEMORY := -m "not integration and not browser and not sage and not jupyter" -n auto
# Tests with real processes, ports and browsers: the tests of a file share what takes long to start.
REAL := -m "(integration or browser) and not sage and not jupyter" -n 2 --dist loadfile

# The virtual environment that kernels with Sage run in.
SAGE := .venv-sage

.PHONY: run run-sage test test-sage test-jupyter lint types layers python memory coverage pythons docs web browser bench bench-sage bench-jupyter bench-interacts bench-loading bench-articles bench-scale bench-cluster soak ordeal attack contract syscalls client format clean

run: $(VENV)/kernel $(CLIENT)
	exec $(BIN)/twistd --nodaemon --pidfile= sagecell-tx --state-dir $(STATE) \
		--listen tcp:$(PORT):interface=127.0.0.1

# The same server, whose kernels have Sage.
run-sage: $(VENV)/kernel $(CLIENT) $(SAGE)/ready
	exec $(BIN)/twistd --nodaemon --pidfile= sagecell-tx --state-dir $(STATE) \
		--listen tcp:$(PORT):interface=127.0.0.1 --kernel-python $(SAGE)/bin/python

test: lint types layers docs web python

# One after the other: each kernel with Sage needs a processor and some hundred megabytes.
test-sage: $(VENV)/test $(CLIENT) $(SAGE)/ready
	$(BIN)/python -m pytest -m sage

# The tests with Jupyter's own clients, which are installed for them alone.
test-jupyter: $(VENV)/test $(CLIENT) $(JUPYTER)/ready tests/jupyter/node_modules/.package-lock.json
	$(BIN)/python -m pytest -m jupyter

$(JUPYTER)/ready: tests/jupyter/requirements.txt
	$(PYTHON) -m venv $(JUPYTER)
	$(JUPYTER)/bin/pip install --quiet --requirement tests/jupyter/requirements.txt
	touch $@

tests/jupyter/node_modules/.package-lock.json: tests/jupyter/package-lock.json
	cd tests/jupyter && npm ci --no-audit --no-fund

$(VENV)/pip:
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/kernel: $(VENV)/pip setup.cfg
	$(BIN)/pip install --quiet --editable '.[kernel]'
	touch $@

$(VENV)/test: $(VENV)/kernel setup.cfg
	$(BIN)/pip install --quiet --editable '.[kernel,test]'
	touch $@

$(SAGE)/ready: sage/make-venv sage/constraints.txt sage/requirements.txt
	PYTHON=$(PYTHON) sage/make-venv $(SAGE)

web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund

$(CLIENT): web/node_modules/.package-lock.json web/index.html web/admin.html web/frame.html web/brotli.ts web/licences.ts web/modules.ts web/pagebuild.ts web/widgetlibraries.ts web/licences/jupyter.txt web/vite.config.ts web/vite.admin.config.ts web/vite.frame.config.ts web/vite.scene.config.ts web/vite.script.config.ts $(shell find web/src web/public -type f)
	cd web && npm run build
	touch $@

client: $(CLIENT)

lint: $(VENV)/test web/node_modules/.package-lock.json
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	cd web && npm run --silent lint

format: $(VENV)/test
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VENV)/test
	$(BIN)/mypy

layers: $(VENV)/test web/node_modules/.package-lock.json
	$(BIN)/lint-imports
	$(BIN)/python -m tests.layout
	cd web && npm run --silent layers && npm run --silent layout

# Any warning is an error; build/docs/docs/index.html is the first page.
docs: $(VENV)/test
	$(BIN)/python -m sphinx -q -E -W --keep-going -c docs . build/docs

web: $(CLIENT)
	cd web && npm run check && npm test

python: $(VENV)/test $(CLIENT) chromium browsers proxies promtool postgresql netspaces sshd
	$(BIN)/python -m pytest $(MEMORY)
	$(BIN)/python -m pytest $(REAL)

memory: $(VENV)/test $(CLIENT)
	$(BIN)/python -m pytest $(MEMORY)

# Branch coverage of the package by the in-memory tests.
coverage: $(VENV)/test $(CLIENT)
	$(BIN)/python -m pytest $(MEMORY) --cov --cov-report=term:skip-covered

# The in-memory tests with each installed Python, and with the lowest versions of all packages.
pythons: $(VENV)/test $(CLIENT)
	$(BIN)/nox

# The browser tests drive Debian's Chromium through its own driver.
.PHONY: chromium browsers proxies netspaces sshd
chromium:
	@if command -v chromium >/dev/null && command -v chromedriver >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
			chromium chromium-driver fonts-dejavu-core >/dev/null; \
	else echo "The browser tests need Chromium and its driver: apt-get install chromium chromium-driver"; exit 1; fi

# The main ways of a reader are tested in Firefox and WebKit as well; without them they are skipped.
browsers:
	@if command -v firefox-esr >/dev/null && command -v WebKitWebDriver >/dev/null && command -v Xvfb >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
			firefox-esr webkit2gtk-driver xvfb >/dev/null; } \
		|| echo "Firefox and WebKit cannot be installed here: their tests are skipped."; \
	fi

# The tests of the recipes in deploy/ need the proxies themselves; without them they are skipped.
proxies:
	@if command -v nginx >/dev/null && command -v haproxy >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
			nginx-light haproxy >/dev/null; } \
		|| echo "nginx and HAProxy cannot be installed here: their tests are skipped."; \
	fi

# The tests of deploy/alerts.yml need Prometheus's own tool; without it they are skipped. It is taken out of Debian's package:
# installing that would start a server.
.PHONY: promtool
promtool:
	@if command -v promtool >/dev/null || [ -x build/promtool/usr/bin/promtool ]; then :; \
	elif command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null; then \
		mkdir -p build/promtool && cd build/promtool \
		&& { [ "$$(id -u)" != 0 ] || apt-get update -qq; } \
		&& apt-get download -qq prometheus >/dev/null 2>&1 && dpkg-deb --extract prometheus_*.deb . && rm prometheus_*.deb \
		|| echo "promtool cannot be had here: the tests of the alerts are skipped."; \
	fi

# The stores are tested on PostgreSQL as well; without it these tests are skipped.
.PHONY: postgresql
postgresql:
	@if command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
			postgresql >/dev/null; } \
		|| echo "PostgreSQL cannot be installed here: its tests are skipped."; \
	fi

# A launcher of ipyparallel starts an agent over SSH; without a server for it, that test is skipped.
sshd:
	@if command -v sshd >/dev/null || [ -x /usr/sbin/sshd ]; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -qq --no-install-recommends \
			openssh-server openssh-client >/dev/null; } \
		|| echo "sshd cannot be installed here: its test is skipped."; \
	fi

# The tests of machines whose network fails need the program ip; without it they are skipped.
netspaces:
	@if command -v ip >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		{ apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
			iproute2 >/dev/null; } \
		|| echo "iproute2 cannot be installed here: the tests of networks that fail are skipped."; \
	fi

# One after the other, each with all its peers in one run.
bench: $(VENV)/test $(CLIENT) bench-jupyter
	$(BIN)/python -m benchmarks --pictures docs/pictures

# Kernels with Sage beside plain ones and beside Sage's own under Jupyter Server.
bench-sage: $(VENV)/test $(CLIENT) $(SAGE)/ready
	$(BIN)/python -m benchmarks.sage

# Jupyter's clients at this server and at Jupyter Server.
bench-jupyter: $(VENV)/test $(CLIENT)
	$(BIN)/python -m benchmarks.jupyter

bench-interacts: $(VENV)/test $(CLIENT) chromium
	$(BIN)/python -m benchmarks.interacts

# BEFORE=DIRECTORY takes turns with another checkout, whose client is built.
bench-loading: $(VENV)/test $(CLIENT) chromium
	$(BIN)/python -m benchmarks.loading $(if $(BEFORE),--before $(BEFORE))

bench-articles: $(VENV)/test $(CLIENT) chromium
	$(BIN)/python -m benchmarks.articles

# A thousand live kernels, which take up to 15 GB, and a thousand idle clients; SCALE="--kernels 200" has fewer.
bench-scale: $(VENV)/test $(CLIENT)
	$(BIN)/python -m benchmarks.scale $(SCALE)

# Kernels of an agent in a network namespace beside those of the server's own machine.
bench-cluster: $(VENV)/test $(CLIENT) netspaces
	$(BIN)/python -m benchmarks.cluster

# 10,000 sessions of all kinds; SOAK="--hours 8" runs for 8 hours instead.
soak: $(VENV)/test $(CLIENT)
	$(BIN)/python -m benchmarks.soak $(SOAK)

# Ten minutes in which everything fails, and what visitors see of it; ORDEAL="--for 1m" is the short form.
ordeal: $(VENV)/test $(CLIENT) postgresql netspaces
	$(BIN)/python -m benchmarks.ordeal $(ORDEAL)

# What ordinary visitors notice while a server is attacked.
attack: $(VENV)/test $(CLIENT)
	$(BIN)/python -m benchmarks.attack

# The contract with pages written for SageMathCell, and the tests that prove it.
contract: $(VENV)/test
	$(BIN)/python -m tests.contract

# The system calls of ordinary programs, compared with those that kernels may make.
syscalls: $(VENV)/test strace
	$(BIN)/python -m tests.kernelside.sandbox.syscalls

# Those of the cells of tests/sage/corpus, in a kernel with Sage.
.PHONY: syscalls-sage
syscalls-sage: $(VENV)/test $(SAGE)/ready strace
	$(BIN)/python -m tests.kernelside.sandbox.syscalls --sage

# The cells of tests/sage/corpus, and Sage's own doctests, in kernels with Sage: both, whatever the first finds.
.PHONY: sage-corpus
sage-corpus: $(VENV)/test $(CLIENT) $(SAGE)/ready
	$(BIN)/python -m tests.sage; cells=$$?; $(BIN)/python -m tests.sage.doctests && exit $$cells

.PHONY: strace
strace:
	@if command -v strace >/dev/null; then :; \
	elif [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends \
			strace >/dev/null; \
	else echo "Tracing system calls needs strace: apt-get install strace"; exit 1; fi

# The packages that are published, in dist/; and the image of deploy/Containerfile, from the wheel there.
# IMAGE="--build-arg BASE=..." gives podman further options.
.PHONY: wheel image release-check news
wheel: $(VENV)/test $(CLIENT)
	rm -rf dist
	$(BIN)/python -m build --outdir dist .

image: wheel
	podman build $(IMAGE) --file deploy/Containerfile --tag sagecell-tx dist

# What a release needs: packages that PyPI takes, news that can be built, and a wheel that runs a cell where
# nothing else is installed. It takes a minute or two, most of it for pip.
release-check: wheel
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m tests.news >/dev/null
	timeout 600 $(BIN)/python -m tests.release dist

# The news since the last release, as NEWS.rst is going to have them.
news: $(VENV)/test
	@$(BIN)/python -m tests.news

clean:
	rm -rf $(VENV) $(SAGE) $(JUPYTER) .nox web/node_modules tests/jupyter/node_modules sagecell_tx/http/client build dist *.egg-info
