# The one door: people and CI call the same targets. Anything longer than a line or two lives in infra/.
.DEFAULT_GOAL := help
.PHONY: help run demo deps test sim lint fmt bench year sweep doc docs cloud deploy bench-rating bench-cost bench-usage bench-close

help: ## Lists the targets.
	@sed -n 's/^\([a-z-]*\):.*## /  make \1\t/p' Makefile

run: ## Builds and starts the whole product on 127.0.0.1:3000.
	cargo run --locked --release --package weir --bin weir -- serve

demo: ## The same with a demo organization in ./data/demo; its webhooks may go to this machine.
	WEIR_DATA_DIR=$${WEIR_DATA_DIR:-./data/demo} WEIR_ALLOW_PRIVATE_TARGETS=1 \
	    cargo run --locked --release --package weir --bin weir -- serve --demo

deps: ## Installs what the tests need of Python into .venv, and the official clients of the reference API.
	infra/venv.sh
	infra/clients.sh

test: deps ## Builds everything once and runs every test, the emulated cloud included.
	infra/test.sh

sim: ## Histories of the usage log under faults: SEEDS=1000 for so many, SEED=7 to replay one.
	WEIR_SIM_SEEDS=$(or $(SEEDS),1000) WEIR_SIM_SEED=$(SEED) cargo test --locked --package weir --package it --all-features \
	    --test it -- simulation --nocapture

lint: deps ## Formatting, clippy, the template, and the house rules of tests/it/tidy.rs.
	infra/lint.sh

fmt: ## Formats the code.
	cargo fmt --all

bench: ## A year of flights through a release server: events per second, usage, closings, memory.
	infra/bench-flights.sh

year: ## How long a sandbox of a hundred subscriptions takes to pass a year on a release server.
	infra/bench-year.sh

sweep: ## Every period of every time zone, interval and awkward anchor from 1970 to 2100, against a day-by-day walk.
	WEIR_SWEEP=1 cargo test --locked --release --package domain --lib tiling -- --nocapture

bench-rating: ## Fees that one core rates in a second, per charge model.
	cargo bench --locked --package domain --bench rating

bench-cost: ## What a million events cost on AWS: billed units and list prices (docs/performance.md).
	cargo bench --locked --package it --bench cost

bench-usage: ## Reading and ingesting usage beside PostgreSQL, if it is there; WEIR_EVENTS=10000000 for the largest.
	cargo bench --locked --package it --bench usage

bench-close: ## Invoices a second when the months of 10,000 subscriptions end on the local host.
	cargo bench --locked --package it --bench close

doc: ## The documentation of the code, without warnings.
	RUSTDOCFLAGS="-D warnings" cargo doc --locked --workspace --all-features --no-deps
docs: doc

cloud: ## Deploys to the emulated AWS on this machine and prints the URL.
	localstack/cloud.sh

deploy: ## Deploys to AWS with the AWS SAM CLI; settings: infra/deploy-aws.sh.
	infra/deploy-aws.sh
