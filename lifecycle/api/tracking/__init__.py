"""The doors for tracking calls, as Segment's SDKs knock at them. Plain views: they are the busiest doors there are."""
