# What people do with this repository, one word each. Every target works in a fresh clone with Rust and Debian's packages.
.PHONY: run test prove lint bench bench-core bench-store bench-micro bench-peers fuzz autobahn

CARGO ?= cargo
# How many seeds of the simulation `make test` and `make prove` run.
SEEDS ?= 200

run: ## Start the broker on port 8080 with its data in ./data
	$(CARGO) run --release

test: ## Every test that fits into half an hour on two cores
	ROOKERY_SIM_SEEDS=$(SEEDS) $(CARGO) test --workspace --locked
	$(CARGO) test --locked -p rookery-engine --features planted --test sim planted
	scripts/autobahn.sh
	scripts/clients.sh
	scripts/tutorial.sh
	scripts/schemathesis.sh
	scripts/ship.sh

prove: ## The long ones: 10,000 seeds of the simulation, 1,000 receivers beside ten that never read, 200 kills, two minutes without a database, one of three databases killed, 1,000 damaged folders, 100 power cuts, a full disk, the image built and tried, the unit under a systemd of its own, what compose names
	ROOKERY_SIM_SEEDS=10000 $(CARGO) test --locked -p rookery-engine --test sim -- --nocapture
	ROOKERY_SLOW_RECEIVERS=1000 $(CARGO) test --locked -p rookery --test slow -- --nocapture
	ROOKERY_KILLS=200 ROOKERY_ACKS=1000000 $(CARGO) test --locked -p rookery --test kill -- --nocapture
	ROOKERY_OUTAGE_SECONDS=120 $(CARGO) test --locked -p rookery --test database outage -- --nocapture
	$(CARGO) test --locked -p rookery --test database -- --ignored --exact cluster::one_database_node_of_three_may_die --nocapture
	ROOKERY_MUTATIONS=1000 $(CARGO) test --locked -p rookery --test damage -- --nocapture
	scripts/crash-images.sh 100 || [ $$? = 77 ] # says what is missing where it cannot run
	scripts/disk-full.sh || [ $$? = 77 ]
	scripts/image.py || [ $$? = 77 ]
	scripts/ship.sh long

lint: ## Format and lints, as CI checks them
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --locked -- -D warnings

bench: bench-core bench-store bench-micro ## Every measurement that README and docs quote

bench-core: ## The core beside its floors: five interleaved rounds, medians and ratios
	$(CARGO) build --release --locked -p rookery -p loadgen
	target/release/loadgen core-yardstick --broker target/release/rookery --rounds 5

bench-store: ## The store beside the machine's own disk, and the core with the store on (about twelve minutes, 5 GB in ./target)
	$(CARGO) build --release --locked -p rookery -p loadgen -p rookery-benches
	target/release/bench-store --broker target/release/rookery --folder target
	target/release/loadgen core-yardstick --broker target/release/rookery --stores --workloads F2,F3 --rounds 10 --seconds 1.5

bench-micro: ## Parts of the broker beside their floors, in nanoseconds (about three minutes); PAIRS=decode for some of them
	$(CARGO) bench --locked -p rookery-benches --bench parts -- --quiet $(PAIRS)

bench-peers: ## Other servers beside the broker, from their public packages (half an hour; needs Go and Node): docs/benchmarks.md. ARGS='--peers nats,ws --rounds 1' for less
	$(CARGO) build --release --locked -p rookery -p loadgen
	scripts/bench-peers.py $(ARGS)

fuzz: ## A minute on each target (needs the nightly toolchain and cargo-fuzz)
	scripts/fuzz.sh
