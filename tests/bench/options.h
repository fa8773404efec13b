#pragma once

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/bench/fanout.h"

namespace atrium::bench {

struct Options {
  std::string atriumd;
  int shards = 1;
  int rounds = 5;
  absl::Duration slice = absl::Seconds(1);  // of one server in one round
  std::vector<Shape> shapes;
  std::vector<Shape> latency_shapes;
  double deliveries_per_second = 20'000;  // where latency is measured
  int connections = 10'000;
  absl::Duration silence_timeout = absl::Seconds(5);  // of the server, for those that say nothing
  int members = 50;                                   // of the rooms whose state changes
  int joiners = 5'000;                                // beside a fifth of them
  int rooms = 100'000;                                // small ones
  int emits = 10'000;                                 // over one gRPC stream at a time
  int streams = 1'000;                                // gRPC streams in one room
  int writers = 100;                                  // into durable rooms, beside one
  std::string plots;                                  // a directory; empty: the table
  int plot_sessions = 1'000;                          // in all rooms of a plot
  int instructions = 0;                               // for a delivery; 0: the table
  std::string directory;                              // where what is durable is kept meanwhile
  // Which parts run: fanout, latency, half, cores, unary, stream, streams, idle, silent, state, joins, rooms, churn,
  // durable, start, resume, deflate, attacks.
  std::vector<std::string> parts;

  bool Runs(const char* part) const;
};

// Ends the program for --help, and when the command line is wrong.
Options ParseOptions(int argc, char** argv);

}  // namespace atrium::bench
