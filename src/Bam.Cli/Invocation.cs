using System.CommandLine;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Spectre.Console;

namespace Bam.Cli;

/// <summary>
/// What a verb works with: the parsed command line, standard output for results, standard error for everything else, and a token
/// that Ctrl-C and SIGTERM set.
/// </summary>
internal sealed class Invocation(
    ParseResult request, TextWriter results, bool json, IReporter reporter, CancellationToken cancellation)
{
    public IReporter Reporter => reporter;

    public CancellationToken Cancellation => cancellation;

    /// <summary>The same request, of which nothing is written.</summary>
    public Invocation Silent() => new(request, TextWriter.Null, json, SilentReporter.Instance, cancellation);

    public T? Get<T>(Option<T> option) => request.GetValue(option);

    public T? Get<T>(Argument<T> argument) => request.GetValue(argument);

    public T GetRequired<T>(Option<T> option) => request.GetRequiredValue(option);

    public T GetRequired<T>(Argument<T> argument) => request.GetRequiredValue(argument);

    /// <summary>True when the user named the option, so that it wins over a file.</summary>
    public bool IsGiven(Option option) => request.GetResult(option) is { Implicit: false };

    /// <summary>
    /// Writes the verb's result: <paramref name="result"/> as JSON with <c>--json</c>, otherwise the drawing of
    /// <paramref name="text"/>, in a pipe without colours.
    /// </summary>
    public void WriteResult<T>(T result, Action<IAnsiConsole> text)
    {
        if (json) results.WriteLine(JsonResult.Serialize(result));
        else text(Consoles.ForResults(results));
    }

    /// <summary>The same of a result that is made for <c>--json</c> only.</summary>
    public void WriteResult<T>(Func<T> result, Action<IAnsiConsole> text)
    {
        WriteJson(result);
        if (!json) text(Consoles.ForResults(results));
    }

    /// <summary>
    /// Writes a piece of a text that is streamed; nothing with <c>--json</c>, which prints the whole at the end.
    /// </summary>
    public void WritePiece(string text)
    {
        if (json) return;
        results.Write(Consoles.IsTerminal(results) ? ResultText.ForTerminal(text) : text);
        results.Flush();
    }

    /// <summary>Writes items as they come, holding one at a time; with <c>--json</c> all of them as one list.</summary>
    public void WriteEach<T>(IEnumerable<T> items, Func<T, string> text)
    {
        WriteJson(() => items.ToList());
        if (json) return;
        foreach (var item in items) WritePiece(text(item));
    }

    /// <summary>With <c>--json</c>, writes as a whole what <see cref="WritePiece"/> gets in pieces.</summary>
    public void WriteJson<T>(Func<T> result)
    {
        if (json) results.WriteLine(JsonResult.Serialize(result()));
    }

    /// <summary>Writes a result that has one form only, such as a schema.</summary>
    public void WriteText(string text) => results.WriteLine(text);
}

/// <summary>
/// The format of <c>--json</c>: indented, snake_case, enumerations as words, NaN and infinities as their names.
/// </summary>
internal static partial class JsonResult
{
    private static readonly JsonSerializerOptions Options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
    };

    /// <summary>
    /// The result; characters that set the direction of text are escaped, as the encoder does with control characters.
    /// </summary>
    public static string Serialize<T>(T result) =>
        FormatCharacter().Replace(JsonSerializer.Serialize(result, Options), match => $"\\u{(int)match.Value[0]:x4}");

    // Such characters occur in texts only.
    [GeneratedRegex(@"[\p{Cf}]")]
    private static partial Regex FormatCharacter();
}
