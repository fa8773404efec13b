#pragma once

#include <string>

#include "tests/support/test_client.h"

namespace atrium {

// Request frames about components; `state` and `args` are JSON text, empty for none.
inline v1::ClientFrame MountFrame(const std::string& component, const std::string& state = "",
                                  const std::string& room = "") {
  v1::ClientFrame frame;
  frame.mutable_mount()->set_component(component);
  if (!state.empty()) *frame.mutable_mount()->mutable_state() = JsonValue(state);
  frame.mutable_mount()->set_room(room);
  return frame;
}

inline v1::ClientFrame UnmountFrame(const std::string& id) {
  v1::ClientFrame frame;
  frame.mutable_unmount()->set_component_id(id);
  return frame;
}

inline v1::ClientFrame ActionFrame(const std::string& id, const std::string& action, const std::string& args) {
  v1::ClientFrame frame;
  frame.mutable_call()->set_component_id(id);
  frame.mutable_call()->set_method(action);
  if (!args.empty()) *frame.mutable_call()->mutable_args() = JsonValue(args);
  return frame;
}

}  // namespace atrium
