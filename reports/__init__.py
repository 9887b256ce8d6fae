"""Reports: a question answered over many videos, as blocks that a page shows and an exporter writes. Knows no torch, no streamlit.

blocks         what a report is made of
literal        text from data, shown as it is
formatting     values of a table formatted for people
rasters        matrices as PNG with a legend
drawing        charts as SVG, drawn in a separate process
html_file      a report as one HTML file (and markdown_file, parquet_file)
catalogue      every report by its name
ready_questions  questions over a corpus that the page and the command ask
encoders/      the report on encoders against encoders: request, tables, figures, sentences
probes/        the report on probes
sensitivity/   the report on window sensitivity: request, numbers, statistics, figures, tables, sentences
"""
