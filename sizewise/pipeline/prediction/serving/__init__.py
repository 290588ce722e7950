"""An engine pool behind the Open Inference Protocol (KServe v2), by HTTP and gRPC."""
