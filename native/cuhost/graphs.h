// graphs.h: stream capture and graphs. A captured sequence is kept in the order in which it was issued, which is an
// order of execution: a graph runs its nodes in that order, each spread over all workers, whatever branches it has.
#pragma once
#include <thread>
#include "streams.h"

namespace cuhost {

struct GraphNode {
  std::shared_ptr<const Node> node;
  std::vector<size_t> dependencies;
  CUgraphNode handle = nullptr;
};

struct Graph {
  std::vector<GraphNode> nodes;
  ~Graph();
};

// Where a node handle leads.
struct NodeRef {
  std::weak_ptr<Graph> graph;
  size_t index;
};

struct Executable {
  std::mutex mutex;
  std::shared_ptr<Program> program;       // copied before a change when a launch still has it
  std::vector<GraphNode> shape;           // what an update must match
  std::vector<CUgraphNode> handles;       // of the nodes it was made from
  std::shared_ptr<Record> last;           // launches of one executable do not overlap
};

struct Capture {
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  Stream* origin;
  std::vector<std::shared_ptr<Stream>> streams;
  CUstreamCaptureMode mode;
  std::thread::id thread;
  bool invalid = false;
};

// What an event recorded in a capturing stream stands for.
struct CapturedPoint {
  std::weak_ptr<Capture> capture;
  std::vector<size_t> frontier;
};

CUresult captureNode(Stream& stream, Node node);
CUresult capturePoint(Stream& stream, CapturedPoint& point);
CUresult captureWait(const std::shared_ptr<Stream>& stream, const CapturedPoint& point);
CUresult invalidateCapture(Stream& stream, CUresult code);
void abandonCapture(Stream& stream);
// A blocking stream captures, so the legacy default stream cannot be used.
bool captureBlocksLegacy();
void clearGraphs();

}  // namespace cuhost
