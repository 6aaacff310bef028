using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;

namespace Bam.Cli;

/// <summary>The form of <c>--json</c>: indented, snake_case, enumerations as words, NaN and infinities as their names.</summary>
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

    // Such characters stand in texts only.
    [GeneratedRegex(@"[\p{Cf}]")]
    private static partial Regex FormatCharacter();
}
