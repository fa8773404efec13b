#include "server/metrics/metrics.h"

#include <prometheus/text_serializer.h>

#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "server/metrics/log_metrics.h"
#include "server/metrics/metric_families.h"
#include "server/metrics/process_metrics.h"

namespace atrium {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

double RoomSum(const RoomManager& rooms, int type, Counter RoomCounters::*counter) {
  int64_t sum = 0;
  for (const Shard* shard : rooms.shards()) sum += (rooms.counters(shard->index(), type).*counter).value();
  return static_cast<double>(sum);
}

MetricFamily ByRoomType(const RoomManager& rooms, const char* name, const char* help, MetricType type,
                        Counter RoomCounters::*counter) {
  FamilyBuilder family(name, help, type);
  const auto& types = rooms.registry().types();
  for (const auto& info : types) family.Add({{"type", info->name}}, RoomSum(rooms, info->index, counter));
  family.Add({{"type", "untyped"}}, RoomSum(rooms, static_cast<int>(types.size()), counter));
  return family.Take();
}

template <size_t n>
double HubSum(const MetricsSources& sources, std::array<Counter, n> SessionCounters::*counters, size_t index) {
  int64_t sum = 0;
  for (const auto& hub : sources.hubs) sum += (hub->counters().*counters)[index].value();
  return static_cast<double>(sum);
}

MetricFamily ByTransport(const MetricsSources& sources, const char* name, const char* help, MetricType type,
                         std::array<Counter, kEncodings> SessionCounters::*counters) {
  std::array<double, kStoredEncodings> sums{};
  for (const EncodingTraits& traits : kEncodingTable) {
    sums[static_cast<int>(traits.stored_as)] += HubSum(sources, counters, static_cast<size_t>(traits.encoding));
  }
  FamilyBuilder family(name, help, type);
  for (int i = 0; i < kStoredEncodings; ++i) family.Add({{"transport", kEncodingTable[i].transport_name}}, sums[i]);
  return family.Take();
}

void AppendRooms(const RoomManager& rooms, std::vector<MetricFamily>& all) {
  const auto add = [&](const char* name, const char* help, MetricType type, Counter RoomCounters::*counter) {
    all.push_back(ByRoomType(rooms, name, help, type, counter));
  };
  add("atrium_rooms", "Running rooms.", MetricType::Gauge, &RoomCounters::rooms);
  add("atrium_members", "Members of all rooms.", MetricType::Gauge, &RoomCounters::members);
  add("atrium_events_total", "Events emitted into rooms.", MetricType::Counter, &RoomCounters::events);
  add("atrium_slow_steps_total", "Steps of rooms that held up their thread for 100 ms or longer.", MetricType::Counter,
      &RoomCounters::slow_steps);
  add("atrium_deliveries_total", "Frames of rooms handed to sessions.", MetricType::Counter, &RoomCounters::deliveries);
}

void AppendSessions(const MetricsSources& sources, std::vector<MetricFamily>& all) {
  all.push_back(ByTransport(sources, "atrium_connections", "Open client connections.", MetricType::Gauge,
                            &SessionCounters::connections));
  all.push_back(
      ByTransport(sources, "atrium_sessions", "Sessions alive.", MetricType::Gauge, &SessionCounters::sessions));
  all.push_back(ByTransport(sources, "atrium_client_requests_total", "Frames that clients have sent.",
                            MetricType::Counter, &SessionCounters::requests));
  FamilyBuilder observers("atrium_observers", "Readers that follow a room without being members.", MetricType::Gauge);
  for (int i = 0; i < kReaderKinds; ++i) {
    observers.Add({{"transport", std::string(ReaderName(static_cast<ReaderKind>(i)))}},
                  HubSum(sources, &SessionCounters::observers, i));
  }
  all.push_back(observers.Take());
  FamilyBuilder slow("atrium_slow_consumers_total", "Readers whose queue was full, by what became of it.",
                     MetricType::Counter);
  constexpr const char* kSlowActionNames[kSlowActions] = {"volatile", "coalesce", "disconnect"};
  for (int i = 0; i < kSlowActions; ++i) {
    slow.Add({{"policy", kSlowActionNames[i]}}, HubSum(sources, &SessionCounters::slow, i));
  }
  all.push_back(slow.Take());
  FamilyBuilder closes("atrium_closes_total", "Connections that the server closed, by close code.",
                       MetricType::Counter);
  for (size_t i = 0; i < kCloseCodes.size(); ++i) {
    closes.Add({{"code", absl::StrCat(static_cast<int>(kCloseCodes[i]))}},
               HubSum(sources, &SessionCounters::closes, i));
  }
  all.push_back(closes.Take());
  FamilyBuilder errors("atrium_client_errors_total", "Errors that clients were told, by canonical code.",
                       MetricType::Counter);
  for (int code = 1; code < 17; ++code) {
    errors.Add({{"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}},
               HubSum(sources, &SessionCounters::errors, code));
  }
  all.push_back(errors.Take());
}

void AppendSums(const MetricsSources& sources, std::vector<MetricFamily>& all) {
  const auto add = [&](const char* name, const char* help, MetricType type, Counter SessionCounters::*counter) {
    int64_t sum = 0;
    for (const auto& hub : sources.hubs) sum += (hub->counters().*counter).value();
    all.push_back(FamilyBuilder(name, help, type).Add({}, static_cast<double>(sum)).Take());
  };
  add("atrium_components", "Mounted components.", MetricType::Gauge, &SessionCounters::components);
  add("atrium_volatile_drops_total", "Volatile frames dropped because a client was slow.", MetricType::Counter,
      &SessionCounters::volatile_drops);
}

double Sum(const MetricsSources& sources, Counter SessionCounters::*counter) {
  int64_t sum = 0;
  for (const auto& hub : sources.hubs) sum += (hub->counters().*counter).value();
  return static_cast<double>(sum);
}

void AppendResumes(const MetricsSources& sources, std::vector<MetricFamily>& all) {
  all.push_back(FamilyBuilder("atrium_sessions_detached",
                              "Sessions that wait for a client that has lost its connection.", MetricType::Gauge)
                    .Add({}, Sum(sources, &SessionCounters::detached))
                    .Take());
  all.push_back(FamilyBuilder("atrium_resumes_total", "Clients that came with a resume token.", MetricType::Counter)
                    .Add({{"result", "resumed"}}, Sum(sources, &SessionCounters::resumed))
                    .Add({{"result", "new_session"}}, Sum(sources, &SessionCounters::not_resumed))
                    .Take());
  const RoomManager& rooms = sources.rooms;
  double recovered = 0;
  double snapshots = 0;
  for (size_t type = 0; type <= rooms.registry().types().size(); ++type) {
    recovered += RoomSum(rooms, static_cast<int>(type), &RoomCounters::recovered);
    snapshots += RoomSum(rooms, static_cast<int>(type), &RoomCounters::not_recovered);
  }
  all.push_back(FamilyBuilder("atrium_recoveries_total",
                              "Clients that named what they had of a room, by what they got: what they missed, or all.",
                              MetricType::Counter)
                    .Add({{"result", "recovered"}}, recovered)
                    .Add({{"result", "snapshot"}}, snapshots)
                    .Take());
}

void AppendDeflate(const MetricsSources& sources, std::vector<MetricFamily>& all) {
  std::vector<const Deflater::Counts*> counts;
  for (const auto& hub : sources.hubs) counts.push_back(&hub->deflater().counts());
  for (const Shard* shard : sources.rooms.shards()) counts.push_back(&sources.rooms.deflater(shard->index()).counts());
  double smaller = 0;
  double not_smaller = 0;
  double nanoseconds = 0;
  for (const Deflater::Counts* one : counts) {
    smaller += static_cast<double>(one->smaller.value());
    not_smaller += static_cast<double>(one->not_smaller.value());
    nanoseconds += static_cast<double>(one->nanoseconds.value());
  }
  double connections = 0;
  for (const EncodingTraits& traits : kEncodingTable) {
    if (!traits.deflated) continue;
    connections += HubSum(sources, &SessionCounters::connections, static_cast<size_t>(traits.encoding));
  }
  const auto add = [&](const char* name, const char* help, MetricType type, double value) {
    all.push_back(FamilyBuilder(name, help, type).Add({}, value).Take());
  };
  add("atrium_deflate_connections", "Open WebSockets that take compressed frames.", MetricType::Gauge, connections);
  all.push_back(FamilyBuilder("atrium_deflate_frames_total",
                              "Frames compressed, once for all who get them, by whether they became smaller.",
                              MetricType::Counter)
                    .Add({{"result", "smaller"}}, smaller)
                    .Add({{"result", "not_smaller"}}, not_smaller)
                    .Take());
  add("atrium_deflate_seconds_total", "Time that compressing frames took.", MetricType::Counter, nanoseconds / 1e9);
  add("atrium_deflate_uncompressed_bytes_total",
      "Bytes of the frames that clients got compressed, as they were before.", MetricType::Counter,
      Sum(sources, &SessionCounters::deflated_from_bytes));
  add("atrium_deflate_compressed_bytes_total", "Bytes of the frames that clients got compressed, as they were sent.",
      MetricType::Counter, Sum(sources, &SessionCounters::deflated_to_bytes));
}

void AppendWorkers(const WorkerPool::Counts& workers, std::vector<MetricFamily>& all) {
  const auto add = [&](const char* name, const char* help, MetricType type, int64_t value) {
    all.push_back(FamilyBuilder(name, help, type).Add({}, static_cast<double>(value)).Take());
  };
  add("atrium_worker_queue", "Work of rooms that waits for a worker thread.", MetricType::Gauge, workers.queued);
  add("atrium_worker_jobs_total", "Work of rooms done on worker threads.", MetricType::Counter, workers.done);
  add("atrium_worker_rejections_total", "Work of rooms refused because too much waited.", MetricType::Counter,
      workers.refused);
  add("atrium_worker_late_total", "Work of rooms not done because its hook was out of time.", MetricType::Counter,
      workers.late);
}

void AppendHttp(const HttpCounts& http, std::vector<MetricFamily>& all) {
  FamilyBuilder responses("atrium_http_responses_total", "HTTP responses, by the class of their status.",
                          MetricType::Counter);
  for (int hundreds = 1; hundreds < 6; ++hundreds) {
    responses.Add({{"status", absl::StrCat(hundreds, "xx")}}, static_cast<double>(http.responses[hundreds]));
  }
  all.push_back(responses.Take());
  const auto add = [&](const char* name, const char* help, MetricType type, int64_t value) {
    all.push_back(FamilyBuilder(name, help, type).Add({}, static_cast<double>(value)).Take());
  };
  add("atrium_http_connections", "Open HTTP connections, upgraded ones not counted.", MetricType::Gauge,
      http.open_connections);
  add("atrium_http_timeouts_total", "HTTP connections cut because a request did not come in time.", MetricType::Counter,
      http.timeouts);
  add("atrium_http_upgrades_total", "WebSocket upgrades.", MetricType::Counter, http.upgrades);
}

MetricFamily FailuresByReason(const Authenticator& authenticator) {
  FamilyBuilder family("atrium_authentication_failures_total",
                       "Who was turned away for what it showed, by what was wrong.", MetricType::Counter);
  for (int fault = 0; fault < kTokenFaults; ++fault) {
    const std::string name(TokenFaultName(static_cast<TokenFault>(fault)));
    family.Add({{"reason", name}}, static_cast<double>(authenticator.failures(fault)));
  }
  family.Add({{"reason", "missing"}}, static_cast<double>(authenticator.failures(kTokenFaults)));
  return family.Take();
}

MetricFamily ReloadsByFile(const std::vector<FileWatch::Count>& reloads) {
  FamilyBuilder family("atrium_reloads_total", "How often a file was read again because its content had changed.",
                       MetricType::Counter);
  for (const FileWatch::Count& file : reloads) {
    family.Add({{"file", file.name}, {"result", "ok"}}, static_cast<double>(file.ok));
    family.Add({{"file", file.name}, {"result", "error"}}, static_cast<double>(file.errors));
  }
  return family.Take();
}

MetricFamily RefusalsByLimit(const Refusals& refusals) {
  FamilyBuilder family("atrium_refusals_total", "Who was turned away, by the limit that was reached.",
                       MetricType::Counter);
  for (int i = 0; i < kLimits; ++i) {
    const auto limit = static_cast<Limit>(i);
    family.Add({{"limit", std::string(LimitName(limit))}}, static_cast<double>(refusals.count(limit)));
  }
  return family.Take();
}

}  // namespace

std::string MetricsText(const MetricsSources& sources) {
  std::vector<MetricFamily> all;
  all.push_back(FamilyBuilder("atrium_build_info", "Always 1; the build is in the labels.", MetricType::Gauge)
                    .Add({{"version", sources.version}}, 1)
                    .Take());
  AppendRooms(sources.rooms, all);
  AppendSessions(sources, all);
  AppendSums(sources, all);
  AppendResumes(sources, all);
  AppendDeflate(sources, all);
  AppendWorkers(sources.workers, all);
  AppendHttp(sources.http, all);
  all.push_back(RefusalsByLimit(sources.refusals));
  all.push_back(FailuresByReason(sources.authenticator));
  all.push_back(ReloadsByFile(sources.reloads));
  all.push_back(FamilyBuilder("atrium_memory_limit_bytes",
                              "Above 80 % of this there are no new rooms and sessions; 0: no limit.", MetricType::Gauge)
                    .Add({}, static_cast<double>(sources.headroom.limits().memory_bytes))
                    .Take());
  std::vector<std::vector<MetricFamily>> parts = {sources.grpc.Collect(), ProcessMetrics()};
  if (sources.log != nullptr) parts.push_back(LogMetrics(sources.log->statistics()));
  for (std::vector<MetricFamily>& part : parts) {
    std::move(part.begin(), part.end(), std::back_inserter(all));
  }
  return prometheus::TextSerializer().prometheus::Serializer::Serialize(all);
}

}  // namespace atrium
