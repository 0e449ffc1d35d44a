# The verbs a person types. Everything they do is in scripts beside what it concerns; make help lists the verbs.

.PHONY: help build guest shell
.DEFAULT_GOAL := help

KERNEL ?= 6.1
guest-environment = KERNEL CPUS MEM TIMEOUT FILES NODRIVER DTRACE ACCEL COUNTED LOG APPEND V
export $(guest-environment)

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | column -t -s '|'

build: ## the driver, dtracedrv.ko, for KERNEL=6.1 (or 6.12, or a release whose headers are installed)
	@driver/build $(KERNEL)

guest: ## CMD='...' as root in a guest with the driver loaded; KERNEL CPUS MEM TIMEOUT FILES='host:guest ...'
	@compat-tests/guest/run $(if $(CMD),'$(subst ','\'',$(CMD))','')

shell: ## an interactive shell in such a guest
	@compat-tests/guest/run --shell
