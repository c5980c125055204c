"""The architecture page has every heading of the page that the service was ordered from."""

import pytest

from tests.unit.docs.pages import headings, text

ORDERED = """
Overview
Server/Application Layer Pattern
Core Principle: Responsibility Separation
Server Layer
Application Layer
Pattern for Other Services
Architecture Layers
Layer Structure
Clean Architecture Principles
Dependency Rule
Layer Responsibilities
Domain Layer (Core)
Application Layer (Use Cases)
Infrastructure Layer (External)
API Layer (Interface)
Domain-Driven Design (DDD)
Bounded Contexts
Domain Entities
WebCrawlTask Entity
Value Objects
Domain Events
Ports and Adapters (Hexagonal Architecture)
Ports (Contracts)
Repository Ports
Service Ports
Adapters (Implementations)
Database Adapters
Messaging Adapters
Event-Driven Architecture
Event Flow
Event Types
Task Lifecycle Events
System Events
Event Sourcing
Data Flow Architecture
Request Flow
Message Flow
Metrics Flow
Configuration Architecture
Configuration Layers
Configuration Modules
Observability Architecture
Tracing Architecture
Logging Architecture
Metrics Architecture
Scalability Architecture
Horizontal Scaling
Performance Optimization
Fault Tolerance
Security Architecture
Security Layers
Security Measures
Testing Architecture
Testing Pyramid
Test Categories
Design Patterns
Creational Patterns
Structural Patterns
Behavioral Patterns
Deployment Architecture
Container Architecture
Service Discovery
Future Architecture Considerations
Microservices Evolution
Advanced Patterns
"""


def test_every_ordered_heading_is_there_in_order() -> None:
    ordered = ORDERED.strip().splitlines()
    there = headings(text("docs/architecture.md"))
    assert [heading for heading in there if heading in ordered] == ordered


@pytest.mark.parametrize("heading", ORDERED.strip().splitlines())
def test_no_heading_stands_empty(heading: str) -> None:
    markdown = text("docs/architecture.md")
    below = markdown.split(f" {heading}\n", 1)[1].lstrip()
    # A heading may be followed by one of its own parts, but not by the end of the page.
    assert below
    assert not below.startswith("## ")
