"""HTTP: the route table, controllers, middlewares."""
