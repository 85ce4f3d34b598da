"""What happens to a request between proxy, routing script and call: who decides, who is told, what is changed."""
