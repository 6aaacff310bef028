using Bam.Server.Serving;
using Microsoft.Playwright;
using Shouldly;
using Xunit;
using static Microsoft.Playwright.Assertions;

namespace Bam.Server.Tests;

/// <summary>The page at /, in an installed Chromium.</summary>
[Collection(ServerCollection.Name)]
public sealed class PageTests(Chromium chromium) : IClassFixture<Chromium>, IAsyncLifetime
{
    private TestServer server = null!;

    public async Task InitializeAsync() => server = await TestServer.Start();

    public async Task DisposeAsync() => await server.DisposeAsync();

    [SkippableFact]
    public async Task A_prompt_is_continued_and_its_tokens_show_their_experts()
    {
        var page = await Open();
        await page.FillAsync("#text", "Once");
        await page.FillAsync("#max-tokens", "12");
        await page.FillAsync("#seed", "1");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator(".token").Nth(10)).ToBeAttachedAsync();
        var expected = (await server.Ask(
            "/v1/completions", """{"prompt": "Once", "max_tokens": 12, "temperature": 0.8, "seed": 1, "echo": true}"""))
            .GetProperty("choices")[0].GetProperty("text").GetString();
        (await page.Locator(".text").TextContentAsync()).ShouldBe(expected);
        (await page.Locator(".token[class*=expert-]").CountAsync()).ShouldBeGreaterThan(9);

        // By the keyboard alone: the first token, then the next one.
        await page.Locator(".token").First.FocusAsync();
        (await page.Locator("#token").IsVisibleAsync()).ShouldBeTrue();
        var first = await page.Locator("#token-text").TextContentAsync();
        (await page.Locator("#token-layers tbody tr").CountAsync()).ShouldBe(2);
        (await page.Locator("#token-layers .bar span").CountAsync()).ShouldBe(8);
        await page.Keyboard.PressAsync("ArrowRight");
        (await page.Locator(".token[aria-current=true]").CountAsync()).ShouldBe(1);
        (await page.Locator(".token").Nth(1).GetAttributeAsync("aria-current")).ShouldBe("true");
        first.ShouldNotBeNull();
        await Expect(page.Locator("#loads tbody tr")).ToHaveCountAsync(2);
        (await page.Locator("#legend li").AllTextContentsAsync()).ShouldBe(["0 seed", "1 code", "2 math", "3 law"]);
    }

    [SkippableFact]
    public async Task A_chat_has_several_turns()
    {
        var page = await Open();
        await page.Locator("#tab-prompt").FocusAsync();
        await page.Keyboard.PressAsync("ArrowRight");
        await page.FillAsync("#max-tokens", "6");
        for (var turn = 0; turn < 2; turn++)
        {
            await page.FillAsync("#text", "Hi");
            await page.ClickAsync("#send");
            await Expect(page.Locator(".message")).ToHaveCountAsync(2 * turn + 2);
            await Expect(page.Locator("#send")).ToBeEnabledAsync();
        }

        (await page.Locator(".message h3").AllTextContentsAsync()).ShouldBe(["user", "assistant", "user", "assistant"]);
        (await page.Locator("#error").IsHiddenAsync()).ShouldBeTrue();
    }

    [SkippableFact]
    public async Task An_error_is_shown_and_escape_stops()
    {
        var page = await Open();
        await page.FillAsync("#max-tokens", "1000");
        await page.ClickAsync("#send");
        await page.WaitForSelectorAsync("#error:not([hidden])");
        (await page.Locator("#error").TextContentAsync())!.ShouldContain("max_tokens");
        await page.FillAsync("#max-tokens", "100");
        await page.ClickAsync("#send");
        await page.Keyboard.PressAsync("Escape");
        await Expect(page.Locator("#send")).ToBeEnabledAsync();
        (await page.Locator("#error").IsHiddenAsync()).ShouldBeTrue();
    }

    [SkippableFact]
    public async Task The_key_is_asked_for()
    {
        await using var closed = await TestServer.Start(new ServerOptions { ApiKey = "a-secret" });
        var page = await Open(closed);
        await page.WaitForSelectorAsync("#key-field:not([hidden])");
        await page.FillAsync("#key", "a-secret");
        await page.Locator("#key").PressAsync("Tab");
        await Expect(page.Locator("#model")).ToHaveTextAsync(TestModel.Name);
        (await page.Locator("#error").IsHiddenAsync()).ShouldBeTrue();
    }

    [SkippableTheory]
    [InlineData(400, ColorScheme.Light)]
    [InlineData(400, ColorScheme.Dark)]
    [InlineData(1200, ColorScheme.Light)]
    public async Task Nothing_is_wider_than_the_window(int width, ColorScheme scheme)
    {
        var page = await Open(width: width, scheme: scheme);
        await page.FillAsync("#text", new string('w', 90));
        await page.FillAsync("#max-tokens", "20");
        await page.FillAsync("#seed", "1");
        await page.ClickAsync("#send");
        await Expect(page.Locator(".token").Nth(14)).ToBeAttachedAsync();
        await page.Locator(".token").First.ClickAsync();
        (await page.EvaluateAsync<int>("document.documentElement.scrollWidth")).ShouldBeLessThanOrEqualTo(width);
        var colours = await page.EvaluateAsync<string[]>(
            "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])");
        colours.ShouldBe(scheme == ColorScheme.Dark
            ? ["rgb(230, 232, 235)", "rgb(21, 24, 28)"]
            : ["rgb(28, 31, 36)", "rgb(255, 255, 255)"]);
    }

    // Anything that the browser complains of fails the test.
    private async Task<IPage> Open(TestServer? other = null, int width = 1200, ColorScheme scheme = ColorScheme.Light)
    {
        Skip.If(chromium.Browser is null, $"there is no Chromium at {string.Join(", ", Chromium.Paths)}");
        var page = await chromium.Browser!.NewPageAsync(
            new() { ViewportSize = new() { Width = width, Height = 900 }, ColorScheme = scheme });
        page.PageError += (_, error) => throw new InvalidOperationException(error);
        await page.GotoAsync((other ?? server).Address.ToString());
        await Expect(page.Locator(other is null ? "#legend li >> nth=3" : "#error")).ToBeVisibleAsync();
        return page;
    }
}

/// <summary>An installed Chromium, started once.</summary>
public sealed class Chromium : IAsyncLifetime
{
    private IPlaywright? playwright;

    /// <summary>Where Debian, Ubuntu and Google put it.</summary>
    public static IReadOnlyList<string> Paths { get; } =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

    /// <summary>Null where there is none.</summary>
    public IBrowser? Browser { get; private set; }

    public async Task InitializeAsync()
    {
        if (Paths.FirstOrDefault(File.Exists) is not { } path) return;
        playwright = await Playwright.CreateAsync();
        Browser = await playwright.Chromium.LaunchAsync(new() { ExecutablePath = path, Args = ["--no-sandbox"] });
    }

    public async Task DisposeAsync()
    {
        if (Browser is not null) await Browser.DisposeAsync();
        playwright?.Dispose();
    }
}
