using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bam.Bench.ServeLoad;

/// <summary>The medians of the rounds, as Markdown and JSON.</summary>
internal static class Report
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <summary>Writes both, and the Markdown to the screen too.</summary>
    /// <param name="rounds">A file with a line for each server and round: {"server": …, "clients": …, "figures": {…}}.</param>
    /// <param name="output">The path of the results without extension.</param>
    public static void Write(string rounds, string output)
    {
        var lines = File.ReadLines(rounds).Select(line => JsonNode.Parse(line)!).ToList();
        var text = new StringBuilder();
        text.AppendLine("| server | clients | new tokens/s | first token, median | first token, 95 % |");
        text.AppendLine("|---|--:|--:|--:|--:|");
        foreach (var group in lines.GroupBy(line => ((string)line["server"]!, (int)line["clients"]!)))
        {
            text.AppendLine(
                $"| {group.Key.Item1} | {group.Key.Item2} | {Median(group, "new_tokens_per_second"):F1} "
                + $"| {Median(group, "first_token_median"):F2} s | {Median(group, "first_token95"):F2} s |");
        }

        text.AppendLine();
        text.AppendLine("Medians of the rounds' ratios:");
        text.AppendLine($"- bam with 8 clients ÷ llama.cpp with 8: {Ratio(lines, ("bam", 8), ("llama.cpp", 8)):F2}");
        text.AppendLine($"- bam with 8 clients ÷ bam with 1: {Ratio(lines, ("bam", 8), ("bam", 1)):F2}");
        File.WriteAllText($"{output}.md", text.ToString());
        File.WriteAllText($"{output}.json", JsonSerializer.Serialize(lines, Indented) + "\n");
        Console.Write(text);
    }

    private static double Median(IEnumerable<JsonNode> lines, string key) =>
        MedianOf([.. lines.Select(line => (double)line["figures"]![key]!)]);

    private static double Ratio(List<JsonNode> lines, (string, int) above, (string, int) below)
    {
        var (first, second) = (SpeedsOf(above), SpeedsOf(below));
        var areComparable = first.Length > 0 && first.Length == second.Length;
        return areComparable ? MedianOf([.. first.Zip(second, (x, y) => x / y)]) : double.NaN;

        double[] SpeedsOf((string Server, int Clients) of) =>
        [
            .. lines.Where(line => (string)line["server"]! == of.Server && (int)line["clients"]! == of.Clients)
                .Select(line => (double)line["figures"]!["new_tokens_per_second"]!),
        ];
    }

    private static double MedianOf(double[] values)
    {
        Array.Sort(values);
        return values.Length % 2 == 1
            ? values[values.Length / 2]
            : (values[values.Length / 2 - 1] + values[values.Length / 2]) / 2;
    }
}
