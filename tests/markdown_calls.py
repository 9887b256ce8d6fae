"""Which arguments of which calls become Markdown: of Streamlit, and of the blocks of reports."""

TEXTS = {  # calls of Streamlit that draw Markdown: which positional arguments are texts
    **dict.fromkeys(
        ("markdown", "write", "caption", "error", "warning", "info", "success", "title", "header", "subheader", "expander", "popover", "button", "toast",
         "download_button", "link_button", "selectbox", "multiselect", "text_input", "text_area", "number_input", "slider", "select_slider",
         "toggle", "checkbox", "status", "spinner", "file_uploader", "metric", "badge", "tabs", "dialog", "table", "menu_button", "exception", "progress",
         "date_input", "time_input", "datetime_input", "color_picker", "chat_input", "camera_input", "audio_input", "feedback", "image", "form_submit_button"),
        (0,),
    ),
    "page_link": (),
    **dict.fromkeys(("radio", "segmented_control", "pills"), (0, 1)),
}  # fmt: skip
COMMON = {
    "table",
    "write",
    "image",
    "status",
    "tabs",
}  # names that others than Streamlit have methods of, too
KEYWORDS = {"help", "label", "title", "body", "caption", "options", "text", "captions"}
BLOCKS = {
    "Heading": (0, 1),
    "Text": (0,),
    "Code": (0,),
    "Table": (1,),
    "Picture": (1, 5),
    "Column": (3,),
    "Report": (0,),
}  # of tubelet.reports
BLOCK_KEYWORDS = {"title", "caption", "markdown", "label", "help", "anchor"}
