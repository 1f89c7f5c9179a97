"""The rows and columns of CSV, TSV, JSONL and Parquet files that other tools wrote."""
