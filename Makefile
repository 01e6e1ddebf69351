# event_store: an event store inside PostgreSQL
#
# make, make install, make installcheck, make clean work as in every PGXS
# extension and take PG_CONFIG=/path/to/pg_config.  The goals below that begin
# with a command in tools/ set up what they need themselves and need no
# PostgreSQL to start with; CONTRIBUTING.md explains them.

EXTENSION = event_store event_store_warehouse
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'.*/\1/p" event_store.control)

tool_goals = help setup test sanitize soak bench results lint format demo demo-psql demo-stop dist

.PHONY: all $(tool_goals)

all:

help:
	@echo 'make                    build both extensions (PG_CONFIG=... picks a PostgreSQL)'
	@echo '                        FAULT_POINTS=1 builds in what the tests of faults need'
	@echo 'make install            install them'
	@echo 'make installcheck       run the regression and isolation tests on a running server'
	@echo 'make test               set up, build, install, run every test on throwaway servers'
	@echo '                        SETUP=no  PG_CONFIGS="..."  SUITES="..."  TESTS="..."'
	@echo 'make sanitize           the same tests with AddressSanitizer and UndefinedBehaviorSanitizer'
	@echo 'make soak               the long runs of make test: crashes, ten million events, memory'
	@echo '                        PARTS="kill reader memory"'
	@echo 'make bench              measure, beside plain tables and other event stores'
	@echo '                        QUICK=1  WORK="append read"  ROUNDS=7  RUN_SECONDS=3'
	@echo 'make results            accept what the failed tests of the last make test printed'
	@echo 'make lint               check the sources; make format reformats them'
	@echo 'make demo               the warehouse story on a server of its own'
	@echo 'make demo-psql          open psql on that server; make demo-stop removes it'
	@echo 'make dist               the release archive'

setup:
	@tools/setup build test lint

test:
	@tools/test

sanitize:
	@tools/sanitize

soak:
	@tools/soak

bench:
	@tools/bench

results:
	@tools/results

lint:
	@tools/lint

format:
	@tools/lint format

demo:
	@tools/demo

demo-psql:
	@tools/demo psql

demo-stop:
	@tools/demo stop

dist:
	git archive --format=zip --prefix=event_store-$(EXTVERSION)/ \
		--output=event_store-$(EXTVERSION).zip HEAD

# Everything else is PGXS's.
ifneq ($(filter-out $(tool_goals),$(or $(MAKECMDGOALS),all)),)

DATA = $(sort $(wildcard sql/*--*.sql))

MODULE_big = event_store
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/*.c)))
PGFILEDESC = "event_store - an event store inside PostgreSQL"
HEADERS_event_store = src/event_store_api.h

# For tests only: places in the C code that a test can make fail.
ifeq ($(FAULT_POINTS),1)
PG_CPPFLAGS += -DES_FAULT_POINTS
endif

# What PostgreSQL looks up by name is exported and nothing else, so that calls
# between the files go where they lead, and those of PostgreSQL by one jump: a
# good part of an append's time is code that is in no cache.
ifeq ($(shell uname -s),Linux)
SHLIB_LINK += -Wl,--version-script=$(srcdir)/src/exports.map
PG_CFLAGS += -fno-plt
endif

# No bitcode, which takes clang: nothing here is worth to be inlined where PostgreSQL
# compiles an expression, and what is would look for functions that are not exported.
override with_llvm = no

# The schedules name the tests; REGRESS="install append" runs only those.
scheduled = $(shell sed -n 's/^test: *//p' test/$(1)_schedule)

REGRESS = $(call scheduled,regress)
REGRESS_OPTS = --inputdir=test
ISOLATION = $(call scheduled,isolation)
ISOLATION_OPTS = --inputdir=test

# Expected outputs hold sorted text in any script.
ENCODING = UTF8
NO_LOCALE = 1

PG_CONFIG ?= pg_config
PGXS := $(shell '$(PG_CONFIG)' --pgxs)
ifeq ($(PGXS),)
$(error $(PG_CONFIG) does not run: install the server headers of PostgreSQL, or set PG_CONFIG)
endif
include $(PGXS)

# From 16 on, pg_isolation_regress looks in expected/, the other suite's
# folder, before it looks in its input folder.
ifneq ($(filter-out 9.% 10 11 12 13 14 15,$(MAJORVERSION)),)
ISOLATION_OPTS += --expecteddir=test
endif

$(shlib): src/exports.map

# Not every PostgreSQL is configured to track dependencies.
$(OBJS): $(wildcard src/*.h)

# The worked example is a module of its own.
.PHONY: all-warehouse install-warehouse uninstall-warehouse clean-warehouse
.PHONY: remove-bitcode

all: all-warehouse
install: install-warehouse remove-bitcode
uninstall: uninstall-warehouse remove-bitcode
clean: clean-warehouse

all-warehouse install-warehouse uninstall-warehouse clean-warehouse:
	$(MAKE) -C src/warehouse PG_CONFIG='$(PG_CONFIG)' $(patsubst %-warehouse,%,$@)

# What an older release has installed is of no use any more, and found all the same.
remove-bitcode:
	rm -rf $(foreach module,event_store event_store_warehouse,$(foreach bitcode,\
		$(module) $(module).index.bc,'$(DESTDIR)$(pkglibdir)/bitcode/$(bitcode)'))

endif
