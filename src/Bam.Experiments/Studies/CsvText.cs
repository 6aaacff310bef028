using System.Globalization;
using System.Text;

namespace Bam.Experiments.Studies;

/// <summary>Comma-separated values by RFC 4180, with numbers in the invariant culture and to their last digit.</summary>
internal sealed class CsvText
{
    private static readonly char[] Special = [',', '"', '\r', '\n'];

    private readonly StringBuilder text = new();

    /// <summary>Appends a line.</summary>
    public void AddLine(IEnumerable<object> fields) =>
        text.AppendJoin(',', fields.Select(field => Quoted(Convert.ToString(field, CultureInfo.InvariantCulture)!))).Append("\r\n");

    /// <inheritdoc/>
    public override string ToString() => text.ToString();

    private static string Quoted(string field) =>
        field.IndexOfAny(Special) < 0 ? field : $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
