//! XLSX files as spreadsheets write them, and as they do not.

use std::fmt::Write as _;
use std::io::{Cursor, Write as _};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// A cell as its XML is: what is in `<c>`, with `TYPE|` before it where that has a type, and a
/// number of a style after `#` there.
pub(super) type Cell<'a> = &'a str;

pub(super) struct Sheet<'a> {
    pub(super) name: &'a str,
    pub(super) state: &'a str,
    /// Each row with its number.
    pub(super) rows: Vec<(usize, Vec<Cell<'a>>)>,
}

impl<'a> Sheet<'a> {
    pub(super) fn visible(name: &'a str, rows: &[&[Cell<'a>]]) -> Self {
        let rows = rows.iter().enumerate().map(|(index, row)| (index + 1, row.to_vec()));
        Self { name, state: "visible", rows: rows.collect() }
    }
}

/// A cell with this text, which has nothing that XML escapes.
pub(super) fn text(text: &str) -> String {
    format!("inlineStr|<is><t xml:space=\"preserve\">{text}</t></is>")
}

pub(super) fn number(digits: &str) -> String {
    format!("n|<v>{digits}</v>")
}

/// A whole file of one visible sheet: text cells for the first row, then these.
pub(super) fn one(header: &[&str], rows: &[Vec<String>]) -> Vec<u8> {
    let header: Vec<String> = header.iter().map(|name| text(name)).collect();
    let all: Vec<Vec<&str>> = std::iter::once(&header)
        .chain(rows)
        .map(|row| row.iter().map(String::as_str).collect())
        .collect();
    let all: Vec<&[&str]> = all.iter().map(Vec::as_slice).collect();
    file(&[Sheet::visible("Sheet1", &all)])
}

pub(super) fn file(sheets: &[Sheet<'_>]) -> Vec<u8> {
    const XML: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\" standalone=\"yes\"?>";
    const MAIN: &str = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
    const REL: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
    const PACKAGE: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let mut add = |name: &str, body: String| {
        let stored = zip::CompressionMethod::Stored;
        let options = SimpleFileOptions::default().compression_method(stored);
        zip.start_file(name, options).unwrap();
        write!(zip, "{XML}{body}").unwrap();
    };
    add(
        "_rels/.rels",
        format!(
            "<Relationships xmlns=\"{PACKAGE}\"><Relationship Id=\"r1\" \
             Type=\"{REL}/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>"
        ),
    );
    let mut names = String::new();
    let mut relations = String::new();
    for (index, Sheet { name, state, rows }) in sheets.iter().enumerate() {
        let id = index + 1;
        write!(names, "<sheet name=\"{name}\" sheetId=\"{id}\" state=\"{state}\" r:id=\"r{id}\"/>")
            .unwrap();
        write!(
            relations,
            "<Relationship Id=\"r{id}\" Type=\"{REL}/worksheet\" Target=\"worksheets/sheet{id}.xml\"/>"
        )
        .unwrap();
        let rows: String = rows.iter().map(|(number, cells)| row(*number, cells)).collect();
        let body = format!("<worksheet xmlns=\"{MAIN}\"><sheetData>{rows}</sheetData></worksheet>");
        add(&format!("xl/worksheets/sheet{id}.xml"), body);
    }
    add(
        "xl/workbook.xml",
        format!("<workbook xmlns=\"{MAIN}\" xmlns:r=\"{REL}\"><sheets>{names}</sheets></workbook>"),
    );
    add(
        "xl/_rels/workbook.xml.rels",
        format!("<Relationships xmlns=\"{PACKAGE}\">{relations}</Relationships>"),
    );
    // Style 1 is a date.
    add(
        "xl/styles.xml",
        format!(
            "<styleSheet xmlns=\"{MAIN}\"><cellXfs count=\"2\"><xf numFmtId=\"0\"/>\
             <xf numFmtId=\"14\"/></cellXfs></styleSheet>"
        ),
    );
    zip.finish().unwrap().into_inner()
}

fn row(number: usize, cells: &[&str]) -> String {
    let cells = cells.iter().enumerate().filter(|(_, cell)| !cell.is_empty());
    let cells = cells.map(|(index, cell)| {
        let column = char::from(b'A' + u8::try_from(index).unwrap());
        let (kind, inner) = cell.split_once('|').unwrap();
        let (kind, style) = kind.split_once('#').unwrap_or((kind, "0"));
        format!("<c r=\"{column}{number}\" s=\"{style}\" t=\"{kind}\">{inner}</c>")
    });
    format!("<row r=\"{number}\">{}</row>", cells.collect::<String>())
}
