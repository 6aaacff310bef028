using Shouldly;
using Xunit;

namespace Bam.Cli.Tests;

public class MessageTextTests
{
    [Theory]
    [InlineData("a\u001b[31mred\u0007 b\rc", @"a\u001b[31mred\u0007 b\u000dc")]
    [InlineData("left\u202Etxt.exe\u2066", @"left\u202etxt.exe\u2066")]
    [InlineData("a\nb\r\nc\u2028d\u0085e", @"a b c\u2028d\u0085e")]
    [InlineData("tag \U000E0041", @"tag \U000e0041")]
    [InlineData("é 本 👩\u200D🚀 /home/me", "é 本 👩\u200D🚀 /home/me")]
    [InlineData("/runs/.mixture.host.123.4.tmp/config.json: cannot", "/runs/mixture/config.json: cannot")]
    public void Nothing_in_a_message_commands_or_hides(string message, string shown) =>
        MessageText.OneLine(message).ShouldBe(shown);

    [Fact]
    public void Half_a_pair_is_shown_by_its_code() => MessageText.OneLine("a" + '\uD800' + "b").ShouldBe(@"a\ud800b");

    [Theory]
    [InlineData(" .")]
    [InlineData(" .a.b.1.2")]
    [InlineData("\"'/.")]
    public void The_middle_of_a_long_message_is_not_read(string part)
    {
        var (text, bytes) = Shown(20_000);
        text.Length.ShouldBe(1000);
        var (longer, more) = Shown(1_000_000);
        longer.ShouldBe(text);
        // Each step copies what it reads: had one read the whole message, it would allocate 50 times as much.
        more.ShouldBeLessThan(2 * bytes);

        (string Text, long Bytes) Shown(int times)
        {
            var message = string.Concat(Enumerable.Repeat(part, times));
            MessageText.OneLine(message);  // the first call allocates what the patterns keep
            var before = GC.GetAllocatedBytesForCurrentThread();
            return (MessageText.OneLine(message), GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    [Fact]
    public void Long_messages_keep_their_beginning_and_their_end()
    {
        var rockets = string.Join(' ', Enumerable.Repeat("🚀", 3000));
        var long1000 = MessageText.OneLine($"where: expected x, found {rockets}; do this");
        long1000.Length.ShouldBeInRange(990, 1000);
        long1000.ShouldStartWith("where: expected x, found ");
        long1000.ShouldEndWith("; do this");
        long1000.EnumerateRunes().ShouldNotContain(System.Text.Rune.ReplacementChar);
        var quoted = MessageText.OneLine($"a.yaml:1: key '{new string('k', 5000)}' is unknown");
        quoted.Length.ShouldBeLessThan(100);
        quoted.ShouldEndWith("kkk' is unknown");
        MessageText.OneLine($"/{new string('n', 255)}/x: does not exist").ShouldStartWith($"/{new string('n', 255)}/x:");
    }
}
