//! An embedded receiver of OTLP traces with a page that shows them. For development and tests, **never for production**.
