#!/bin/bash
# tests/fuzz.sh [SECONDS]: the parsers that read files and packets, each fuzzed for that long (60). Needs clang.
# Findings and the corpus lie in build/fuzz.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
seconds=${1:-60}
command -v clang++ >/dev/null || { echo "tests/fuzz.sh: clang++ is missing: apt-get install clang" >&2; exit 1; }
mkdir -p build/fuzz

fuzz() {                                      # NAME SOURCE.. -- LIBRARY..
	local name=$1 sources=() source object objects=(); shift
	while [[ $1 != -- ]]; do sources+=("$1"); shift; done; shift
	for source in "tests/fuzz/${name}_fuzz.cpp" "${sources[@]}"; do
		object=build/fuzz/${source//\//_}.o; objects+=("$object")
		$(command -v ccache) clang++ -std=c++20 -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined \
			-DSPDLOG_COMPILED_LIB -DMIGRATE_VERSION='"fuzz"' -I. -c "$source" -o "$object"
	done
	clang++ -fsanitize=fuzzer,address,undefined "${objects[@]}" "$@" -o "build/fuzz/$name"
	mkdir -p "build/fuzz/$name.corpus"
	"build/fuzz/$name" -max_total_time="$seconds" -print_final_stats=1 -artifact_prefix="build/fuzz/$name-" \
		"build/fuzz/$name.corpus" >"build/fuzz/$name.log" 2>&1 || { tail -30 "build/fuzz/$name.log"; echo "NOT OK - $name"; return 1; }
	echo "ok - $name: $(awk '/number_of_executed_units/{print $2}' "build/fuzz/$name.log") inputs in $seconds s"
}

fuzz plan plans/*.cpp -- -lyaml-cpp -lboost_json -lfmt -lcrypto
fuzz packet runner/wire/*.cpp plans/utf8.cpp runner/jobserver/{client_side,printable,queue,text_commands,text_listings,wake_up,worker_side}.cpp \
	-- -lboost_json -lfmt -lcrypto
